-- core_corpus: one row per corpus at the chosen date; the newest statement wins, a statement with
-- dates of coverage before one without. Units: none. Readers: out_corpora, out_inventory.
CREATE OR REPLACE VIEW core_corpus AS
SELECT * EXCLUDE (place)
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY corpus_id
            ORDER BY covers_from IS NOT NULL DESC, known_at DESC, source, series
        ) AS place
    FROM corpus
    WHERE known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31')
)
WHERE place = 1;
