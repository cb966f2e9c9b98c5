-- Whether a vintage may state a figure more than once: equal figures have equal hashes, and telling
-- numbers apart is cheaper than telling texts apart.
SELECT count(*) <> count(DISTINCT hash(corpus_id, metric, stage, valid_on))
FROM inventory
WHERE source = :source AND series = :series AND known_at = :known_at
