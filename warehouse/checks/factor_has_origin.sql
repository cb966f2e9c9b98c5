-- Factors, law fits and measured claims from an unknown origin.
SELECT f.name, f.origin_id
FROM (
    SELECT name, origin_id FROM factor
    UNION ALL
    SELECT law, origin_id FROM law_fit
    UNION ALL
    SELECT name, origin_id FROM probe_claim
) AS f
LEFT JOIN origin AS o USING (origin_id)
WHERE o.origin_id IS NULL;
