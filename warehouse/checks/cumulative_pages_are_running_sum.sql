-- Crawls where the cumulative page captures differ from the running sum of monthly ones, in
-- vintages that have both series.
WITH monthly AS (
    SELECT
        known_at,
        valid_on,
        sum(value) OVER (PARTITION BY known_at ORDER BY valid_on) AS running
    FROM inventory
    WHERE source = 'common_crawl' AND series = 'monthly' AND metric = 'pages'
)

SELECT m.known_at, m.valid_on, m.running, c.value
FROM monthly AS m
INNER JOIN inventory AS c
    ON
        m.known_at = c.known_at
        AND m.valid_on = c.valid_on
        AND c.source = 'common_crawl'
        AND c.series = 'cumulative'
        AND c.metric = 'pages'
WHERE m.running <> c.value;
