-- Figures of the file that can be read, into the inventory.
INSERT INTO inventory
SELECT
    {source}, {series}, {known_at},
    corpus_id, metric, stage, valid_on, value, low, high, ci_prob, unit, status, basis,
    {origin_id}
FROM staged
WHERE {readable}
