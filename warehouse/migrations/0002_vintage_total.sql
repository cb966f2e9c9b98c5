-- The total of every metric of a vintage, kept beside it so that no reader has to add up its rows
-- again: of a stock the newest figure of each corpus, of a flow (new_…) all figures. What the
-- guards compare.
CREATE TABLE vintage_total (
    source VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    metric VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    total DOUBLE NOT NULL,
    PRIMARY KEY (source, series, known_at, metric, stage)
);

INSERT INTO vintage_total
SELECT source, series, known_at, metric, stage, sum(value) AS total
FROM (
    SELECT source, series, known_at, metric, stage, value
    FROM inventory
    WHERE source <> 'catalogue'
    QUALIFY
        starts_with(metric, 'new_')
        OR valid_on = max(valid_on) OVER (
            PARTITION BY source, series, known_at, metric, stage, corpus_id
        )
)
GROUP BY ALL;

INSERT INTO vintage_total
SELECT source, series, known_at, 'models' AS metric, 'raw' AS stage, count(*) AS total
FROM training_run
GROUP BY ALL;

-- By how much a total may move before a vintage is held from forecasts: it may fall by `fall` and
-- rise by `rise`, ratios; over more than a year they compound. Source '*' is every other one. The
-- newest row of a source counts; the default is older than all.
CREATE TABLE guard_band (
    source VARCHAR NOT NULL,
    set_at TIMESTAMPTZ NOT NULL,
    set_by VARCHAR NOT NULL,
    fall DOUBLE NOT NULL,
    rise DOUBLE NOT NULL,
    note VARCHAR NOT NULL,
    PRIMARY KEY (source, set_at)
);

INSERT INTO guard_band VALUES
('*', TIMESTAMPTZ '2000-01-01 00:00:00+00', 'datawall', 0.1, 0.5, 'default');

-- Somebody's word that the totals of a vintage are right although they left the band. It is about
-- the vintage, so it counts from the vintage's own date on, whenever it was given.
CREATE TABLE acknowledgement (
    source VARCHAR NOT NULL,
    series VARCHAR NOT NULL,
    known_at DATE NOT NULL,
    acknowledged_at TIMESTAMPTZ NOT NULL,
    acknowledged_by VARCHAR NOT NULL,
    note VARCHAR NOT NULL,
    PRIMARY KEY (source, series, known_at)
);
