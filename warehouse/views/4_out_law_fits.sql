-- out_law_fits: one row per law and fit known at the chosen date. coefficients and standard_errors
-- are JSON objects by symbol; range_low_flop to range_high_flop is the compute range of the data.
-- Units: FLOP; loss in loss_unit. Readers: analysts.
CREATE OR REPLACE VIEW out_law_fits AS
SELECT *
FROM law_fit
WHERE known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31')
QUALIFY row_number() OVER (PARTITION BY law, fit ORDER BY known_at DESC) = 1;
