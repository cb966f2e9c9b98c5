-- Crawls where the first-time digests differ from the step of the cumulative digests, capped at the
-- crawl's own. The publisher ceased to give first-time digests before it gave cumulative ones, so a
-- vintage of these is held against any vintage of those whose step of URLs is the same, to the URL:
-- then both stem from the same sketches.
WITH step AS (
    SELECT
        known_at,
        metric,
        valid_on,
        value - coalesce(lag(value) OVER (PARTITION BY known_at, metric ORDER BY valid_on), 0)
            AS step
    FROM inventory
    WHERE source = 'common_crawl' AND series = 'cumulative' AND metric IN ('urls', 'digests')
),

stated AS (
    SELECT
        known_at,
        valid_on,
        any_value(value) FILTER (WHERE metric = 'new_digests') AS new_digests,
        any_value(value) FILTER (WHERE metric = 'new_urls') AS new_urls,
        any_value(value) FILTER (WHERE metric = 'digests') AS own
    FROM inventory
    WHERE source = 'common_crawl' AND series IN ('monthly', 'monthly_new')
    GROUP BY known_at, valid_on
)

SELECT s.known_at, s.valid_on, s.new_digests, least(d.step, s.own) AS capped, d.known_at AS since
FROM stated AS s
INNER JOIN step AS u ON u.metric = 'urls' AND s.valid_on = u.valid_on AND s.new_urls = u.step
INNER JOIN step AS d
    ON d.metric = 'digests' AND u.known_at = d.known_at AND u.valid_on = d.valid_on
WHERE s.own IS NOT NULL AND s.new_digests <> least(d.step, s.own);
