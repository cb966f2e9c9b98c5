-- core_vintage_total: one row per vintage and metric known by the chosen date: its total and that
-- of the vintage in force before it. Units: total and reference in the metric's unit; change is a
-- ratio, total ÷ reference − 1.
-- Readers: out_vintages, out_sources.
CREATE OR REPLACE VIEW core_vintage_total AS
WITH compared AS (
    SELECT
        s.*,
        lag(s.accepted_number) OVER (
            PARTITION BY s.source, s.series ORDER BY s.number
        ) AS reference_number
    FROM core_vintage_state AS s
)

SELECT
    c.source,
    c.series,
    c.known_at,
    c.state,
    t.metric,
    t.stage,
    t.total,
    r.total AS reference,
    t.total / nullif(r.total, 0) - 1 AS change
FROM compared AS c
INNER JOIN vintage_total AS t USING (source, series, known_at)
LEFT JOIN core_vintage_state AS p
    ON c.source = p.source AND c.series = p.series AND c.reference_number = p.number
LEFT JOIN vintage_total AS r
    ON
        p.source = r.source
        AND p.series = r.series
        AND p.known_at = r.known_at
        AND t.metric = r.metric
        AND t.stage = r.stage;
