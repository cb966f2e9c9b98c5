-- The corpora they are about, each once. Columns that the file lacks are the same in every row of a
-- corpus, so only those it has tell descriptions apart.
INSERT INTO corpus
SELECT
    {source}, {series}, {known_at},
    corpus_id, any_value(name), any_value(domain), any_value(parent_corpus),
    any_value(access_class), any_value(information_origin), NULL, NULL, {origin_id}
FROM staged
WHERE problem IS NULL
GROUP BY {described_by}
