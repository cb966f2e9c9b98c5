-- core_inventory_now: one row per figure that stands at the chosen date: those of the catalogue, and
-- of every metric those of its newest vintage that is not held. Grain: source, series, corpus,
-- metric, stage, valid_on, and for the catalogue origin. Units: `unit`.
-- Readers: out_inventory, out_claims.
CREATE OR REPLACE VIEW core_inventory_now AS
SELECT h.*
FROM core_inventory_history AS h
LEFT JOIN (
    SELECT t.source, t.series, t.metric, max(t.known_at) AS standing_at
    FROM vintage_total AS t
    INNER JOIN core_vintage_state AS s USING (source, series, known_at)
    WHERE s.state <> 'held'
    GROUP BY ALL
) AS n USING (source, series, metric)
WHERE
    (h.source = 'catalogue' AND h.known_until IS NULL)
    OR (h.known_at <= n.standing_at AND coalesce(h.known_until > n.standing_at, TRUE));
