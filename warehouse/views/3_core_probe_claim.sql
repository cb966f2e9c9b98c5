-- core_probe_claim: one row per name of a claim measured by probes, as it stands at the chosen date:
-- the newest, and of one day's the one imported last. Units: `unit`. Readers: out_claims.
CREATE OR REPLACE VIEW core_probe_claim AS
SELECT *
FROM probe_claim
WHERE known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31')
QUALIFY row_number() OVER (PARTITION BY name ORDER BY known_at DESC, rowid DESC) = 1;
