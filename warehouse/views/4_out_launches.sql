-- out_launches: one row per attempt to launch a decision, as the ledger was when last shown.
-- Units: USD; reserved_usd counts as spent while spent_usd is null. Readers: planners, budget owners.
CREATE OR REPLACE VIEW out_launches AS
SELECT i.*, h.shown_at
FROM ledger_intent AS i
CROSS JOIN ledger_head AS h;
