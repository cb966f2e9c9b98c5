-- Figures about an unknown corpus or from an unknown origin.
SELECT i.corpus_id, i.origin_id
-- Of millions of figures few differ in both.
FROM (SELECT DISTINCT corpus_id, origin_id FROM inventory) AS i
LEFT JOIN (SELECT DISTINCT corpus_id FROM corpus) AS c USING (corpus_id)
LEFT JOIN origin AS o ON i.origin_id = o.origin_id
WHERE c.corpus_id IS NULL OR o.origin_id IS NULL;
