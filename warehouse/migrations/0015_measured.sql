-- Factors measured on a corpus of the user: vintages by corpus, as inventory has them.
CREATE TABLE measured_factor (
    source VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    corpus_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    shape VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    low DOUBLE,
    high DOUBLE,
    ci_prob DOUBLE,
    unit VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    basis VARCHAR NOT NULL,
    valid_on DATE NOT NULL,
    origin_id VARCHAR NOT NULL,
    PRIMARY KEY (source, series, known_at, corpus_id, name)
);
