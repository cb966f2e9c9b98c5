-- Held vintages of a source, and the total that moved furthest in each.
SELECT series, known_at, metric, stage, reference, total, change
FROM core_vintage_total
WHERE source = :source AND state = 'held'
QUALIFY row_number() OVER (
    PARTITION BY series, known_at ORDER BY abs(ln(greatest(1 + change, 1e-9))) DESC NULLS LAST, metric, stage
) = 1
ORDER BY known_at, series
