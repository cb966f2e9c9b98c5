-- Facts are append-only: rows are inserted once and never changed. What a later vintage corrects
-- or withdraws is closed by the core_* views, which derive known_until from the vintages.
-- No foreign keys (DuckDB checks them too eagerly); checks/*.sql stand in for them.

CREATE TABLE generation (number BIGINT NOT NULL);
INSERT INTO generation VALUES (1);

CREATE TABLE origin (
    origin_id VARCHAR PRIMARY KEY,
    kind VARCHAR NOT NULL,
    publisher VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    url VARCHAR NOT NULL,
    licence VARCHAR NOT NULL,
    published_on DATE,
    sha256 VARCHAR NOT NULL,
    size_bytes BIGINT,
    snapshot_path VARCHAR NOT NULL,
    retrieved_at TIMESTAMPTZ
);

CREATE TABLE ingest_run (
    run_id VARCHAR PRIMARY KEY,
    source VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    vintage DATE,
    finished_at TIMESTAMPTZ NOT NULL,
    rows BIGINT NOT NULL,
    added BIGINT NOT NULL,
    closed BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    message VARCHAR NOT NULL
);

CREATE TABLE vintage (
    source VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    origin_id VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    rows BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    PRIMARY KEY (source, series, known_at)
);

CREATE TABLE quarantine (
    source VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    line BIGINT NOT NULL,
    reason VARCHAR NOT NULL,
    raw VARCHAR NOT NULL,
    PRIMARY KEY (source, series, known_at, line)
);

CREATE TABLE corpus (
    source VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    corpus_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    parent_corpus VARCHAR NOT NULL,
    access_class VARCHAR NOT NULL,
    information_origin VARCHAR NOT NULL,
    covers_from DATE,
    covers_to DATE,
    origin_id VARCHAR NOT NULL,
    PRIMARY KEY (source, series, known_at, corpus_id)
);

CREATE TABLE inventory (
    source VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    corpus_id VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    valid_on DATE NOT NULL,
    value DOUBLE NOT NULL,
    low DOUBLE,
    high DOUBLE,
    ci_prob DOUBLE,
    unit VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    basis VARCHAR NOT NULL,
    origin_id VARCHAR NOT NULL,
    PRIMARY KEY (source, series, known_at, corpus_id, metric, stage, valid_on, origin_id)
);

CREATE TABLE factor (
    name VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    scope VARCHAR NOT NULL,
    shape VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    ci_prob DOUBLE,
    reflect_at DOUBLE,
    minimum DOUBLE,
    maximum DOUBLE,
    unit VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    basis VARCHAR NOT NULL,
    valid_on DATE,
    origin_id VARCHAR NOT NULL,
    PRIMARY KEY (name, known_at)
);

CREATE TABLE law_fit (
    law VARCHAR NOT NULL,
    fit VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    loss_unit VARCHAR NOT NULL,
    coefficients JSON NOT NULL,
    standard_errors JSON NOT NULL,
    range_low_flop DOUBLE,
    range_high_flop DOUBLE,
    points BIGINT,
    status VARCHAR NOT NULL,
    basis VARCHAR NOT NULL,
    origin_id VARCHAR NOT NULL,
    PRIMARY KEY (law, fit, known_at)
);

CREATE TABLE training_run (
    source VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    model VARCHAR NOT NULL,
    ordinal BIGINT NOT NULL,
    published_on DATE,
    organization VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    params DOUBLE,
    tokens DOUBLE,
    compute_flop DOUBLE,
    epochs DOUBLE,
    confidence VARCHAR NOT NULL,
    notability VARCHAR NOT NULL,
    accessibility VARCHAR NOT NULL,
    base_model VARCHAR NOT NULL,
    origin_id VARCHAR NOT NULL,
    PRIMARY KEY (source, series, known_at, model, ordinal)
);

CREATE TABLE planned_run (
    run VARCHAR NOT NULL,
    version BIGINT NOT NULL,
    sha256 VARCHAR NOT NULL,
    spec JSON NOT NULL,
    imported_at TIMESTAMPTZ NOT NULL,
    withdrawn BOOLEAN NOT NULL,
    PRIMARY KEY (run, version)
);

CREATE TABLE forecast (
    forecast_id VARCHAR PRIMARY KEY,
    scenario VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    answers VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    as_of DATE NOT NULL,
    worlds BIGINT NOT NULL,
    seed BIGINT NOT NULL,
    start BIGINT NOT NULL,
    horizon BIGINT NOT NULL,
    code_version VARCHAR NOT NULL,
    repetition VARCHAR NOT NULL,
    synthetic VARCHAR NOT NULL,
    demand_path VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE forecast_domain (
    forecast_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    domain VARCHAR NOT NULL,
    part_of VARCHAR NOT NULL,
    usable_base VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    PRIMARY KEY (forecast_id, domain)
);

CREATE TABLE forecast_quantile (
    forecast_id VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    year BIGINT NOT NULL,
    p02_5 DOUBLE NOT NULL,
    p05 DOUBLE NOT NULL,
    p10 DOUBLE NOT NULL,
    p25 DOUBLE NOT NULL,
    p50 DOUBLE NOT NULL,
    p75 DOUBLE NOT NULL,
    p90 DOUBLE NOT NULL,
    p95 DOUBLE NOT NULL,
    p97_5 DOUBLE NOT NULL,
    PRIMARY KEY (forecast_id, series, domain, stage, year)
);

CREATE TABLE forecast_wall (
    forecast_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    p10 DOUBLE,
    p50 DOUBLE,
    p90 DOUBLE,
    probability_by_horizon DOUBLE NOT NULL,
    probability_before_start DOUBLE NOT NULL,
    PRIMARY KEY (forecast_id, domain, kind)
);

CREATE TABLE forecast_input (
    forecast_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    name VARCHAR NOT NULL,
    used_by VARCHAR NOT NULL,
    shape VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    ci_prob DOUBLE,
    drawn_p05 DOUBLE NOT NULL,
    drawn_p50 DOUBLE NOT NULL,
    drawn_p95 DOUBLE NOT NULL,
    status VARCHAR NOT NULL,
    basis VARCHAR NOT NULL,
    valid_on DATE,
    known_at DATE,
    origin_id VARCHAR NOT NULL,
    publisher VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    url VARCHAR NOT NULL,
    PRIMARY KEY (forecast_id, name)
);

CREATE TABLE decision (
    decision_id VARCHAR PRIMARY KEY,
    run VARCHAR NOT NULL,
    plan_sha256 VARCHAR NOT NULL,
    forecast_id VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    reasons JSON NOT NULL,
    gates JSON NOT NULL,
    probability DOUBLE NOT NULL,
    required_probability DOUBLE NOT NULL,
    binding_domain VARCHAR NOT NULL,
    needed_on DATE NOT NULL,
    earliest_date DATE,
    demand_p05 DOUBLE NOT NULL,
    demand_p50 DOUBLE NOT NULL,
    demand_p95 DOUBLE NOT NULL,
    expires_at DATE NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL
);
