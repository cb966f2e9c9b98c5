-- The key of eight columns made a load of millions of figures ten times slower than the file's own
-- copy. That nothing is stated twice is asked once, of each vintage, as it is loaded.
CREATE TABLE inventory_without_key (
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
    origin_id VARCHAR NOT NULL
);

INSERT INTO inventory_without_key SELECT * FROM inventory;

DROP TABLE inventory;

ALTER TABLE inventory_without_key RENAME TO inventory;
