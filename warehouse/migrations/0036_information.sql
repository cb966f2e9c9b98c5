-- Where the information of a domain's text comes from.
ALTER TABLE forecast_domain ADD COLUMN information VARCHAR DEFAULT 'human';
