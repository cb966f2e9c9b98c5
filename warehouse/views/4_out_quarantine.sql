-- out_quarantine: one row per rejected row of a source file: where, why, and its text.
-- Units: none. Readers: whoever repairs a source.
CREATE OR REPLACE VIEW out_quarantine AS
SELECT source, series, known_at, line, reason, raw
FROM quarantine
WHERE known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31');
