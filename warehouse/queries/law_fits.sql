-- Every law fit at the connection's known_at, with the publication it comes from.
SELECT f.*, o.publisher, o.title, o.url, o.published_on
FROM out_law_fits AS f
LEFT JOIN origin AS o USING (origin_id)
ORDER BY f.law, f.fit;
