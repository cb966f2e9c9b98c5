-- Figures that a vintage states anew or differently, and those it revises or withdraws, each metric
-- against the vintage before that states it.
WITH before AS (
    SELECT metric, max(known_at) AS known_at
    FROM vintage_total
    WHERE source = :source AND series = :series AND known_at < :known_at
    GROUP BY metric
),

this AS (
    SELECT corpus_id, metric, stage, valid_on, value, low, high, ci_prob, unit
    FROM inventory
    WHERE source = :source AND series = :series AND known_at = :known_at
),

prior AS (
    SELECT
        i.corpus_id, i.metric, i.stage, i.valid_on, i.value, i.low, i.high, i.ci_prob, i.unit
    FROM inventory AS i
    INNER JOIN before AS b USING (metric, known_at)
    WHERE
        i.source = :source
        AND i.series = :series
        AND metric IN (
            SELECT metric FROM vintage_total
            WHERE source = :source AND series = :series AND known_at = :known_at
        )
)

SELECT
    (SELECT count(*) FROM (SELECT * FROM this EXCEPT ALL SELECT * FROM prior)) AS opened,
    (SELECT count(*) FROM (SELECT * FROM prior EXCEPT ALL SELECT * FROM this)) AS closed
