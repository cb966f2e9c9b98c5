-- out_supply: one row per forecast, domain (or total), stage (raw, unique, effective) and year.
-- Units: tokens on 1 January of the year; p02_5 … p97_5 are quantiles over worlds.
-- Readers: reports, planners' notebooks.
CREATE OR REPLACE VIEW out_supply AS
SELECT f.scenario, f.as_of, q.* EXCLUDE (series)
FROM forecast_quantile AS q
INNER JOIN forecast AS f USING (forecast_id)
WHERE q.series = 'supply';
