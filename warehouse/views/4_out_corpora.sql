-- out_corpora: one row per corpus at the chosen date. parent_corpus is overlap lineage: never sum a
-- corpus and its parent. covers_from, covers_to: dates of collection where known.
-- Units: none. Readers: planners' notebooks.
CREATE OR REPLACE VIEW out_corpora AS
SELECT
    corpus_id, name, domain, parent_corpus, access_class, information_origin,
    covers_from, covers_to, known_at, source, origin_id
FROM core_corpus;
