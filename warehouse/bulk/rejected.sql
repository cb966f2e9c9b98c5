-- Rows that cannot be read, with their text.
INSERT INTO quarantine
SELECT
    {source}, {series}, {known_at}, line, problem,
    CAST(row(corpus_id, domain, metric, stage, valid_on, value, low, high, ci_prob) AS VARCHAR)
FROM staged
WHERE problem IS NOT NULL
