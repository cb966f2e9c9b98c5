-- out_conversions: one row per standing figure that conversion claims turn into tokens, the newest
-- of its corpus, metric and stage (of crawls, the newest crawl), with the claims to multiply by and
-- to divide by. language is that of a crawl's pages where the publisher counts them by language,
-- else blank.
-- Units: value in `unit`; the result in tokens. Readers: derived inventories.
CREATE OR REPLACE VIEW out_conversions AS
SELECT
    i.corpus_id,
    c.domain,
    CASE
        WHEN regexp_matches(i.corpus_id, '^cc-main-[0-9-]+-([a-z]{3}|unknown)$')
            THEN regexp_extract(i.corpus_id, '-([a-z]+)$', 1)
        ELSE ''
    END AS language,
    i.metric,
    i.stage,
    i.valid_on,
    i.value,
    i.unit,
    'inventory:' || i.corpus_id || '.' || i.metric || '.' || i.stage AS reference,
    CASE
        WHEN i.metric IN ('pages', 'urls') THEN 'factor:text_bytes_per_page'
        WHEN i.metric = 'words' THEN 'factor:tokens_per_word'
        WHEN c.domain = 'books' THEN 'factor:tokens_per_book'
        ELSE 'factor:tokens_per_paper'
    END AS times,
    CASE WHEN i.metric IN ('pages', 'urls') THEN 'factor:bytes_per_token' ELSE '' END AS per,
    i.source,
    i.known_at,
    i.origin_id
FROM core_inventory_now AS i
INNER JOIN core_corpus AS c USING (corpus_id)
WHERE
    (i.metric IN ('pages', 'urls') AND c.domain IN ('web', 'crawled_web'))
    OR i.metric = 'words'
    OR (i.metric IN ('works', 'volumes') AND c.domain = 'books')
    OR (i.metric = 'works' AND c.domain = 'papers')
QUALIFY
    row_number() OVER (
        PARTITION BY i.corpus_id, i.metric, i.stage
        ORDER BY i.valid_on DESC, i.known_at DESC, i.origin_id
    ) = 1
    AND (
        NOT starts_with(i.corpus_id, 'cc-main-')
        OR i.valid_on = max(i.valid_on) OVER (
            PARTITION BY starts_with(i.corpus_id, 'cc-main-'), language = '', i.metric, i.stage
        )
    );
