-- out_runs: one row per planned run, newest version of its plan. Units: in spec, the plan as
-- imported (tokens, params, FLOP). Readers: planners, decisions.
CREATE OR REPLACE VIEW out_runs AS
SELECT run, version, sha256, spec, imported_at
FROM planned_run
QUALIFY row_number() OVER (PARTITION BY run ORDER BY version DESC) = 1 AND NOT withdrawn;
