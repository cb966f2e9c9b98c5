-- core_stated_claim: one row per claim that somebody stated or measured, known at the chosen date:
-- out_claims without the growth estimated from vintages. Grain: reference.
-- Units: as out_claims.
-- Readers: out_claims; forecasts where no feed is loaded, because planning the rest takes a tenth of a
-- second.
CREATE OR REPLACE VIEW core_stated_claim AS
WITH figures AS (
    SELECT
        'inventory:' || corpus_id || '.' || metric || '.' || stage AS reference,
        ci_prob IS NOT NULL AND low IS NOT NULL AND high IS NOT NULL AS drawable,
        *
    FROM core_inventory_now
),

named AS (
    SELECT reference, * EXCLUDE (reference) FROM figures
    QUALIFY row_number() OVER (
        PARTITION BY reference ORDER BY valid_on DESC, known_at DESC, origin_id
    ) = 1
    UNION ALL
    SELECT reference || '#' || origin_id AS reference, * EXCLUDE (reference) FROM figures
    QUALIFY row_number() OVER (
        PARTITION BY reference, origin_id ORDER BY valid_on DESC, known_at DESC
    ) = 1
),

drawn AS (
    SELECT *, 'factor' AS kind, name AS place FROM core_factor
    UNION ALL BY NAME
    SELECT *, 'probe' AS kind, name AS place FROM core_probe_claim
    UNION ALL BY NAME
    -- A uniform claim is its interval alone.
    SELECT
        * REPLACE (CASE WHEN shape <> 'uniform' THEN value END AS value),
        'measured' AS kind,
        corpus_id || '.' || name AS place
    FROM core_measured_factor
)

SELECT
    reference,
    'inventory' AS kind,
    CASE WHEN drawable THEN 'lognormal' ELSE 'fixed' END AS shape,
    value,
    CASE WHEN drawable THEN low END AS low,
    CASE WHEN drawable THEN high END AS high,
    CASE WHEN drawable THEN ci_prob END AS ci_prob,
    CAST(NULL AS DOUBLE) AS reflect_at,
    CAST(NULL AS DOUBLE) AS minimum,
    CAST(NULL AS DOUBLE) AS maximum,
    unit,
    status,
    basis,
    valid_on,
    known_at,
    origin_id
FROM named

UNION ALL BY NAME

SELECT
    kind || ':' || place AS reference,
    kind,
    shape,
    value,
    low,
    high,
    ci_prob,
    reflect_at,
    minimum,
    maximum,
    unit,
    status,
    basis,
    valid_on,
    known_at,
    origin_id
FROM drawn;
