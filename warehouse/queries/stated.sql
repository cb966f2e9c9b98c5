-- stated: what a vintage says of each corpus in each metric and stage, and whether it says anything
-- twice. Several dates of one corpus are told apart by themselves: that takes a quarter of the time
-- of telling all figures apart.
CREATE OR REPLACE TEMP TABLE stated AS
SELECT
    metric,
    stage,
    corpus_id,
    sum(value) AS summed,
    arg_max(value, valid_on) AS newest,
    count(*) <> list_unique(list(valid_on)) AS repeats
FROM inventory
WHERE source = :source AND series = :series AND known_at = :known_at
GROUP BY metric, stage, corpus_id
