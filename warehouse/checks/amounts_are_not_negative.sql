-- Negative or non-finite amounts.
SELECT corpus_id, metric, value, low, high FROM inventory
WHERE value < 0 OR low < 0 OR NOT isfinite(value) OR NOT isfinite(low) OR NOT isfinite(high);
