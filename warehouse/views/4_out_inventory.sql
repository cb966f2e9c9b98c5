-- out_inventory: one row per figure that stands at the chosen date. Grain: corpus, metric, stage,
-- valid_on, origin. Units: `unit` (tokens, bytes, pages …); low to high holds with ci_prob.
-- Readers: planners' notebooks, reports.
CREATE OR REPLACE VIEW out_inventory AS
SELECT
    i.corpus_id,
    c.name AS corpus,
    c.domain,
    c.parent_corpus,
    c.access_class,
    c.information_origin,
    i.metric,
    i.stage,
    i.valid_on,
    i.value,
    i.low,
    i.high,
    i.ci_prob,
    i.unit,
    i.status,
    i.basis,
    i.known_at,
    i.source,
    i.origin_id,
    o.publisher,
    o.title,
    o.url
FROM core_inventory_now AS i
INNER JOIN core_corpus AS c USING (corpus_id)
INNER JOIN origin AS o ON i.origin_id = o.origin_id;
