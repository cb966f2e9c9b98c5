-- Share of worlds in which a domain is the first to run out.
ALTER TABLE forecast_wall ADD COLUMN binds DOUBLE;
