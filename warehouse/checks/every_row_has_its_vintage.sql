-- Rows of a fed source whose vintage is not registered, which would make them invisible.
SELECT r.source, r.series, r.known_at
FROM (
    SELECT source, series, known_at FROM inventory
    UNION
    SELECT source, series, known_at FROM training_run
) AS r
LEFT JOIN vintage AS v USING (source, series, known_at)
WHERE v.source IS NULL AND r.source <> 'catalogue';
