-- What the launch ledger held when it was last shown here; the ledger itself is a database of its
-- own. These rows are replaced as a whole whenever its head moved.

CREATE TABLE ledger_head (seq BIGINT NOT NULL, sha256 VARCHAR NOT NULL, shown_at TIMESTAMPTZ NOT NULL);

CREATE TABLE ledger_intent (
    launch_id VARCHAR PRIMARY KEY,
    decision_id VARCHAR NOT NULL,
    run VARCHAR NOT NULL,
    attempt BIGINT NOT NULL,
    launcher VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    external_id VARCHAR,
    manifest_sha256 VARCHAR NOT NULL,
    requester VARCHAR NOT NULL,
    approver VARCHAR,
    "month" VARCHAR NOT NULL,
    reserved_usd DOUBLE NOT NULL,
    spent_usd DOUBLE,
    reconciled BOOLEAN NOT NULL,
    detail VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);
