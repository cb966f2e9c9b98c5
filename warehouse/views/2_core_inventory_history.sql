-- core_inventory_history: one row per figure and unbroken run of vintages that state it.
-- known_at is the first vintage with this value, known_until the first that revised or withdrew it
-- (null: still stated). Catalogue rows have no vintages: a later row with the same key closes one.
-- A metric that a publisher drops altogether is not withdrawn: its vintages are counted apart.
-- Units: `unit`; low to high holds with ci_prob.
-- Readers: core_inventory_now, out_revisions, loads.
CREATE OR REPLACE VIEW core_inventory_history AS
WITH metric_vintage AS (
    SELECT
        source,
        series,
        metric,
        known_at,
        row_number() OVER w AS number,
        lead(known_at) OVER w AS superseded_at
    FROM (
        SELECT DISTINCT source, series, metric, known_at
        FROM vintage_total
        WHERE known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31')
    )
    WINDOW w AS (PARTITION BY source, series, metric ORDER BY known_at)
),

stated AS (
    SELECT i.*, v.number, v.superseded_at
    FROM inventory AS i
    INNER JOIN metric_vintage AS v USING (source, series, metric, known_at)
),

compared AS (
    SELECT
        *,
        lag(number) OVER w = number - 1
        AND (
            lag(value) OVER w, lag(low) OVER w, lag(high) OVER w, lag(ci_prob) OVER w,
            lag(unit) OVER w
        ) IS NOT DISTINCT FROM (value, low, high, ci_prob, unit) AS continued
    FROM stated
    WINDOW w AS (
        PARTITION BY source, series, corpus_id, metric, stage, valid_on
        ORDER BY number
    )
),

islands AS (
    SELECT
        *,
        count(*) FILTER (WHERE NOT coalesce(continued, FALSE)) OVER (
            PARTITION BY source, series, corpus_id, metric, stage, valid_on
            ORDER BY number
        ) AS island
    FROM compared
)

SELECT
    source,
    series,
    corpus_id,
    metric,
    stage,
    valid_on,
    min(known_at) AS known_at,
    nullif(arg_max(coalesce(superseded_at, DATE '9999-12-31'), number), DATE '9999-12-31')
        AS known_until,
    any_value(value) AS value,
    any_value(low) AS low,
    any_value(high) AS high,
    any_value(ci_prob) AS ci_prob,
    any_value(unit) AS unit,
    arg_min(status, number) AS status,
    arg_min(basis, number) AS basis,
    arg_min(origin_id, number) AS origin_id
FROM islands
GROUP BY source, series, corpus_id, metric, stage, valid_on, island

UNION ALL

SELECT
    source,
    series,
    corpus_id,
    metric,
    stage,
    valid_on,
    known_at,
    lead(known_at) OVER (
        PARTITION BY corpus_id, metric, stage, valid_on, origin_id
        ORDER BY known_at
    ) AS known_until,
    value,
    low,
    high,
    ci_prob,
    unit,
    status,
    basis,
    origin_id
FROM inventory
WHERE source = 'catalogue' AND known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31');
