-- Crawls where the first-time URLs differ from the step of the cumulative URLs, in vintages that
-- have both series.
WITH cumulative AS (
    SELECT
        known_at,
        valid_on,
        value - coalesce(lag(value) OVER (PARTITION BY known_at ORDER BY valid_on), 0) AS step
    FROM inventory
    WHERE source = 'common_crawl' AND series = 'cumulative' AND metric = 'urls'
)

SELECT c.known_at, c.valid_on, c.step, n.value
FROM cumulative AS c
INNER JOIN inventory AS n
    ON
        c.known_at = n.known_at
        AND c.valid_on = n.valid_on
        AND n.source = 'common_crawl'
        AND n.series = 'monthly_new'
        AND n.metric = 'new_urls'
WHERE c.step <> n.value;
