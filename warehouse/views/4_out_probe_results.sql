-- out_probe_results: one row per finished probe run that was imported, as known at the chosen date.
-- Grain: run and checksum of its result. Units: losses in nats per token of `tokenizer`; tokens;
-- FLOP; seconds; USD; shares 0–1. Readers: planners, fits, the report.
CREATE OR REPLACE VIEW out_probe_results AS
SELECT *
FROM probe_result
WHERE known_at <= coalesce(getvariable('known_at'), DATE '9999-12-31');
