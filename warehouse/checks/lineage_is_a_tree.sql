-- Corpora whose parent is unknown, or that are their own ancestor.
WITH RECURSIVE edges AS (
    SELECT DISTINCT corpus_id, parent_corpus FROM corpus WHERE parent_corpus <> ''
),

climb AS (
    SELECT corpus_id, parent_corpus FROM edges
    -- Each pair once, so that a cycle ends.
    UNION
    SELECT c.corpus_id, e.parent_corpus
    FROM climb AS c
    INNER JOIN edges AS e ON c.parent_corpus = e.corpus_id
)

SELECT corpus_id, parent_corpus, 'cycle' AS problem FROM climb WHERE corpus_id = parent_corpus
UNION ALL
SELECT corpus_id, parent_corpus, 'unknown parent' FROM edges
WHERE parent_corpus NOT IN (SELECT corpus_id FROM corpus);
