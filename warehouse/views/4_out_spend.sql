-- out_spend: one row per calendar month (UTC) and run that launched in it.
-- Units: USD; counted_usd is what caps are held against: spent where known, else reserved.
-- Readers: budget owners.
CREATE OR REPLACE VIEW out_spend AS
SELECT
    "month",
    run,
    count(*) AS launches,
    sum(reserved_usd) AS reserved_usd,
    sum(spent_usd) AS spent_usd,
    sum(coalesce(spent_usd, reserved_usd)) AS counted_usd
FROM ledger_intent
GROUP BY "month", run;
