-- out_vintages: one row per vintage and metric known by the chosen date: its total, how far that is
-- from the vintage in force before it, and whether forecasts use it.
-- Units: total and reference in the metric's unit; change is a ratio, total ÷ reference − 1.
-- Readers: whoever acknowledges a held vintage.
CREATE OR REPLACE VIEW out_vintages AS
SELECT
    t.source,
    t.series,
    t.known_at,
    t.metric,
    t.stage,
    t.total,
    t.reference,
    t.change,
    t.state,
    coalesce(a.acknowledged_by, '') AS acknowledged_by,
    coalesce(a.note, '') AS note
FROM core_vintage_total AS t
LEFT JOIN acknowledgement AS a USING (source, series, known_at);
