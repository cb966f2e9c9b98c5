-- Yearly figures that growth is estimated from: whole years of flows, and stocks.
SELECT corpus_id, metric, stage, year + 0.5 AS at, value, known_at, '' AS origin_id
FROM out_new_by_year
WHERE whole
UNION ALL
SELECT
    corpus_id, metric, stage,
    year + (dayofyear(valid_on) - 1) / dayofyear(make_date(year, 12, 31)) AS at,
    value, known_at, origin_id
FROM out_stock_by_year
ORDER BY ALL
