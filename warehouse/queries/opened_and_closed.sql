-- Figures that the given vintage opened or closed, over a source's series.
SELECT
    count(*) FILTER (WHERE known_at = :known_at) AS opened,
    count(*) FILTER (WHERE known_until = :known_at) AS closed
FROM core_inventory_history
WHERE source = :source AND series = :series
