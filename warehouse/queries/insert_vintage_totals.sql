-- Totals of one loaded vintage: what migration 0002 computed for those loaded before it.
INSERT INTO vintage_total
SELECT
    CAST(:source AS VARCHAR) AS source,
    CAST(:series AS VARCHAR) AS series,
    CAST(:known_at AS DATE) AS known_at,
    metric,
    stage,
    sum(CASE WHEN starts_with(metric, 'new_') THEN summed ELSE newest END) AS total
FROM (SELECT * FROM stated ORDER BY metric, stage, corpus_id)
GROUP BY metric, stage
UNION ALL
SELECT source, series, known_at, 'models' AS metric, 'raw' AS stage, count(*) AS total
FROM training_run
WHERE source = :source AND series = :series AND known_at = :known_at
GROUP BY ALL
