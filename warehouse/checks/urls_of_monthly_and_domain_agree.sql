-- Crawls whose distinct URLs differ between the monthly and the domain series, in vintages that
-- have both.
SELECT m.known_at, m.valid_on, m.value AS monthly, d.value AS domain
FROM inventory AS m
INNER JOIN inventory AS d
    ON
        m.known_at = d.known_at
        AND m.valid_on = d.valid_on
        AND d.source = 'common_crawl'
        AND d.series = 'domain'
        AND d.metric = 'urls'
WHERE
    m.source = 'common_crawl'
    AND m.series = 'monthly'
    AND m.metric = 'urls'
    AND m.value <> d.value;
