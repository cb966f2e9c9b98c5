-- out_new_by_year: one row per source, corpus, metric (new_…) and year: what the year added, summed
-- over its crawls or periods. A crawl belongs to the year in which the crawl list says that it
-- ended, else to that of its id. whole is false while the year had not ended at the vintage;
-- origin_id is that of the year's last figure.
-- Units: `unit`. Readers: growth claims, planners' notebooks.
CREATE OR REPLACE VIEW out_new_by_year AS
SELECT
    i.source,
    coalesce(nullif(c.parent_corpus, ''), i.corpus_id) AS corpus_id,
    i.metric,
    i.stage,
    year(coalesce(c.covers_to, i.valid_on)) AS year,
    sum(i.value) AS value,
    count(*) AS periods,
    any_value(i.unit) AS unit,
    max(v.newest) AS known_at,
    year(max(v.newest)) > year(coalesce(c.covers_to, i.valid_on)) AS whole,
    arg_max(i.origin_id, (i.valid_on, i.origin_id)) AS origin_id
FROM core_inventory_now AS i
INNER JOIN core_corpus AS c USING (corpus_id)
INNER JOIN (
    SELECT source, series, max(known_at) AS newest FROM core_vintage_state
    WHERE state <> 'held'
    GROUP BY ALL
) AS v ON i.source = v.source AND i.series = v.series
WHERE starts_with(i.metric, 'new_')
GROUP BY
    i.source, coalesce(nullif(c.parent_corpus, ''), i.corpus_id), i.metric, i.stage,
    year(coalesce(c.covers_to, i.valid_on));
