-- core_vintage: one row per source, series and vintage known by the chosen date, numbered in time.
-- Units: rows and quarantined are counts of rows.
-- Readers: the other core_* views. The date is the session variable known_at (default: no limit).
CREATE OR REPLACE VIEW core_vintage AS
SELECT
    source,
    series,
    known_at,
    origin_id,
    rows,
    quarantined,
    row_number() OVER (PARTITION BY source, series ORDER BY known_at) AS number,
    lead(known_at) OVER (PARTITION BY source, series ORDER BY known_at) AS superseded_at
FROM vintage
WHERE known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31');
