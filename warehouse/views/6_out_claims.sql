-- out_claims: one row per claim a scenario can name at the chosen date. Grain: reference.
-- Units: `unit`; low to high holds with ci_prob; shape as in the documentation of claims.
-- An inventory reference names the newest figure (by valid_on, then known_at); with #origin it
-- names that origin's. An interval without a stated level cannot be drawn from: such a figure is
-- fixed here and keeps its range in low and high of out_inventory.
-- Readers: forecasts, scenario authors.
CREATE OR REPLACE VIEW out_claims AS
SELECT * FROM core_stated_claim

UNION ALL BY NAME

SELECT
    'measured:' || corpus_id || '.' || metric || '.' || stage || '.growth' AS reference,
    'measured' AS kind,
    CASE WHEN scattered THEN 'lognormal' ELSE 'fixed' END AS shape,
    ratio AS value,
    CASE WHEN scattered THEN low END AS low,
    CASE WHEN scattered THEN high END AS high,
    CASE WHEN scattered THEN 0.9 END AS ci_prob,
    'ratio_per_year' AS unit,
    'derived' AS status,
    printf(
        'Theil–Sen regression of %d yearly figures, %.1f to %.1f', years, first_year, last_year
    ) AS basis,
    known_at,
    origin_id
FROM (SELECT *, low < ratio AND ratio < high AS scattered FROM core_growth);
