-- Crawls that have more first-time digests than digests, in vintages that have both.
SELECT n.known_at, n.valid_on, n.value AS new_digests, m.value AS digests
FROM inventory AS n
INNER JOIN inventory AS m
    ON
        n.known_at = m.known_at
        AND n.valid_on = m.valid_on
        AND m.source = 'common_crawl'
        AND m.series = 'monthly'
        AND m.metric = 'digests'
WHERE
    n.source = 'common_crawl'
    AND n.series = 'monthly_new'
    AND n.metric = 'new_digests'
    AND n.value > m.value;
