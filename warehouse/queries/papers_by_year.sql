-- Papers of each whole year, by source.
SELECT source, year, value
FROM out_new_by_year
WHERE metric = 'new_works' AND whole
ORDER BY source, year
