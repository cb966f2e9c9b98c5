-- out_stock_by_year: one row per source, corpus, metric, stage and year: its last figure of the
-- year, from the series that has most years. A running total is thinned so, because figures that
-- lie closer share their errors. A day's changed_volumes are no stock.
-- Units: `unit`. Readers: growth claims, planners' notebooks.
CREATE OR REPLACE VIEW out_stock_by_year AS
WITH figures AS (
    SELECT *, year(valid_on) AS year FROM core_inventory_now
    WHERE
        source <> 'catalogue'
        AND NOT starts_with(metric, 'new_')
        AND metric <> 'changed_volumes'
    QUALIFY row_number() OVER (
        PARTITION BY source, series, corpus_id, metric, stage, year(valid_on)
        ORDER BY valid_on DESC
    ) = 1
),

counted AS (
    SELECT *, count(*) OVER (PARTITION BY source, series, corpus_id, metric, stage) AS years
    FROM figures
)

SELECT
    source, corpus_id, metric, stage, year, valid_on, value, unit, known_at, origin_id
FROM counted
QUALIFY row_number() OVER (
    PARTITION BY source, corpus_id, metric, stage, year ORDER BY years DESC, series
) = 1;
