-- The corpora that figures are about, each once.
INSERT INTO corpus
SELECT
    {source}, {series}, {known_at},
    corpus_id, name, domain, parent_corpus, access_class, information_origin, NULL, NULL, {origin_id}
FROM described
WHERE figures > 0
