-- core_measured_factor: one row per corpus and measured factor in the newest vintage of its corpus
-- at the chosen date. Units: `unit`; low to high holds with ci_prob. Readers: out_claims.
CREATE OR REPLACE VIEW core_measured_factor AS
SELECT m.*
FROM measured_factor AS m
INNER JOIN core_vintage AS v USING (source, series, known_at)
WHERE v.superseded_at IS NULL;
