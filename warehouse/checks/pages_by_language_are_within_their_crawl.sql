-- Crawls whose pages by language add up to more than their pages, in vintages that have both: a page
-- has one primary language. A file may list some languages only.
SELECT l.known_at, l.valid_on, l.pages AS by_language, m.value AS pages
FROM (
    SELECT known_at, valid_on, sum(value) AS pages
    FROM inventory
    WHERE source = 'common_crawl' AND series = 'languages' AND metric = 'pages'
    GROUP BY known_at, valid_on
) AS l
INNER JOIN inventory AS m
    ON
        l.known_at = m.known_at
        AND l.valid_on = m.valid_on
        AND m.source = 'common_crawl'
        AND m.series = 'monthly'
        AND m.metric = 'pages'
WHERE l.pages > m.value;
