-- out_assumptions: one row per forecast and claim it drew from, with the interval as stated, the
-- 5 %, 50 % and 95 % quantiles as drawn, and the source. Units: `unit`. Readers: reviewers.
CREATE OR REPLACE VIEW out_assumptions AS
SELECT f.scenario, f.as_of, i.*
FROM forecast_input AS i
INNER JOIN forecast AS f USING (forecast_id);
