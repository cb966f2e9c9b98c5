-- Models that a vintage states anew or differently, and those it no longer states, against the
-- vintage before it.
WITH this AS (
    SELECT * EXCLUDE (known_at, origin_id) FROM training_run
    WHERE source = :source AND series = :series AND known_at = :known_at
),

prior AS (
    SELECT * EXCLUDE (known_at, origin_id) FROM training_run
    WHERE source = :source AND series = :series AND known_at = (
        SELECT max(known_at) FROM vintage
        WHERE source = :source AND series = :series AND known_at < :known_at
    )
)

SELECT
    (SELECT count(*) FROM (SELECT * FROM this EXCEPT SELECT * FROM prior)) AS opened,
    (SELECT count(*) FROM (SELECT * FROM prior EXCEPT SELECT * FROM this)) AS closed
