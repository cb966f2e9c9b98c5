-- Figures whose interval is reversed, excludes the value, or has an impossible level.
SELECT corpus_id AS item, metric, value, low, high, ci_prob
FROM inventory
WHERE low > high OR value < low OR value > high OR ci_prob <= 0 OR ci_prob > 1
UNION ALL
SELECT name, unit, value, low, high, ci_prob
FROM factor
WHERE low > high OR value < low OR value > high OR ci_prob <= 0 OR ci_prob > 1
UNION ALL
SELECT name, unit, value, low, high, ci_prob
FROM probe_claim
WHERE low > high OR value < low OR value > high OR ci_prob <= 0 OR ci_prob > 1
UNION ALL
SELECT corpus_id || '.' || name, unit, value, low, high, ci_prob
FROM measured_factor
WHERE low > high OR value < low OR value > high OR ci_prob <= 0 OR ci_prob > 1;
