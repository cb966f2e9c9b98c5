-- Totals of one loaded vintage: what migration 0002 computed for those loaded before it.
INSERT INTO vintage_total
SELECT source, series, known_at, metric, stage, sum(value) AS total
FROM (
    SELECT source, series, known_at, metric, stage, value
    FROM inventory
    WHERE source = :source AND series = :series AND known_at = :known_at
    QUALIFY
        starts_with(metric, 'new_')
        OR valid_on = max(valid_on) OVER (
            PARTITION BY source, series, known_at, metric, stage, corpus_id
        )
)
GROUP BY ALL
UNION ALL
SELECT source, series, known_at, 'models' AS metric, 'raw' AS stage, count(*) AS total
FROM training_run
WHERE source = :source AND series = :series AND known_at = :known_at
GROUP BY ALL
