-- core_factor: one row per name of a factor, as it stands at the chosen date. Units: `unit`.
-- Readers: out_claims.
CREATE OR REPLACE VIEW core_factor AS
SELECT *
FROM factor
WHERE known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31')
QUALIFY row_number() OVER (PARTITION BY name ORDER BY known_at DESC) = 1;
