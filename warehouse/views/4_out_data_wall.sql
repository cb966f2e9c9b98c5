-- out_data_wall: one row per forecast, domain (or total) and kind of wall. Units: p10, p50, p90 are
-- fractional years, null beyond the horizon; probabilities 0–1 are shares of worlds.
-- Readers: planner report, launch decision.
CREATE OR REPLACE VIEW out_data_wall AS
SELECT f.scenario, f.as_of, f.horizon, w.*
FROM forecast_wall AS w
INNER JOIN forecast AS f USING (forecast_id);
