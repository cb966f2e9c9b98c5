-- out_decisions: one row per decision on a planned run under one forecast.
-- Units: demand_p05 … demand_p95 in tokens; probability, 0–1, is that of supply covering demand in
-- every domain on needed_on. Readers: planners, launchers.
CREATE OR REPLACE VIEW out_decisions AS
SELECT d.*, f.scenario, f.as_of
FROM decision AS d
INNER JOIN forecast AS f USING (forecast_id);
