-- out_revisions: one row per figure that a later vintage changed (revised_to) or withdrew (null),
-- at the chosen date. Units: `unit`; change is revised_to ÷ value − 1.
-- Readers: analysts who ask what publishers corrected.
CREATE OR REPLACE VIEW out_revisions AS
SELECT
    a.source,
    a.series,
    a.corpus_id,
    a.metric,
    a.stage,
    a.valid_on,
    a.known_at,
    a.known_until AS revised_at,
    a.value,
    b.value AS revised_to,
    b.value / nullif(a.value, 0) - 1 AS change,
    a.unit
FROM core_inventory_history AS a
LEFT JOIN core_inventory_history AS b
    ON
        a.source = b.source
        AND a.series = b.series
        AND a.corpus_id = b.corpus_id
        AND a.metric = b.metric
        AND a.stage = b.stage
        AND a.valid_on = b.valid_on
        AND a.known_until = b.known_at
        -- A catalogue figure is revised by its own origin; a file's origin is its vintage's.
        AND (a.source <> 'catalogue' OR a.origin_id = b.origin_id)
WHERE a.known_until IS NOT NULL;
