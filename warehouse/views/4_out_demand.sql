-- out_demand: one row per forecast, domain (or total) and year. Units: tokens that the
-- largest run of that date needs, each counted as fresh; quantiles over worlds. Readers: reports, planners.
CREATE OR REPLACE VIEW out_demand AS
SELECT f.scenario, f.as_of, q.* EXCLUDE (series, stage)
FROM forecast_quantile AS q
INNER JOIN forecast AS f USING (forecast_id)
WHERE q.series = 'demand';
