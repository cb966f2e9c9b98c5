-- out_law_clouds: one row per stored fit and resample, its constants as a JSON object by symbol, of
-- the newest fit of a name known at the chosen date.
-- Units: loss in nats per token. Readers: analysts, laws.
CREATE OR REPLACE VIEW out_law_clouds AS
WITH spread AS (
    SELECT
        c.law, c.fit, c.known_at, c.coefficient,
        unnest(c.draws) AS value,
        unnest(range(len(c.draws))) AS draw
    FROM law_cloud AS c
    INNER JOIN out_law_fits AS f
        ON c.law = f.law AND c.fit = f.fit AND c.known_at = f.known_at
)

SELECT
    law, fit, known_at, draw,
    CAST(json_group_object(coefficient, value) AS JSON) AS coefficients
FROM spread
GROUP BY law, fit, known_at, draw;
