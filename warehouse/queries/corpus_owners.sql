-- Sources that state a corpus.
SELECT DISTINCT source FROM corpus WHERE corpus_id = :corpus_id ORDER BY source
