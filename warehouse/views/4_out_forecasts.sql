-- out_forecasts: one row per stored forecast. as_of is the date whose knowledge it used.
-- Units: start and horizon are years. Readers: reports, planners.
CREATE OR REPLACE VIEW out_forecasts AS
SELECT * FROM forecast;
