-- A figure that one vintage states more than once.
SELECT corpus_id, metric, stage, valid_on
FROM inventory
WHERE source = :source AND series = :series AND known_at = :known_at
GROUP BY ALL
HAVING count(*) > 1
ORDER BY ALL
LIMIT 1
