-- core_inventory_now: one row per figure that stands at the chosen date. Grain: corpus, metric,
-- stage, valid_on, origin. Units: `unit`. Readers: out_inventory, out_claims.
CREATE OR REPLACE VIEW core_inventory_now AS
SELECT * FROM core_inventory_history WHERE known_until IS NULL;
