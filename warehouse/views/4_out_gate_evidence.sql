-- out_gate_evidence: one row per decision and gate, with what it rests on.
-- Units: of value and threshold, in unit. Readers: approvers, auditors.
CREATE OR REPLACE VIEW out_gate_evidence AS
SELECT
    d.decision_id,
    d.run,
    d.forecast_id,
    d.verdict,
    g.position,
    g.gate ->> 'gate' AS gate,
    coalesce(g.gate ->> 'stage', 'verdict') AS stage,
    (g.gate ->> 'passed')::BOOLEAN AS passed,
    (g.gate ->> 'value')::DOUBLE AS value,
    (g.gate ->> 'threshold')::DOUBLE AS threshold,
    g.gate ->> 'unit' AS unit,
    g.gate ->> 'evidence' AS evidence,
    coalesce(g.gate -> 'rests_on', '[]') AS rests_on,
    d.decided_at
FROM decision AS d
CROSS JOIN LATERAL (
    SELECT
        unnest(from_json(d.gates, '["JSON"]')) AS gate,
        unnest(range(json_array_length(d.gates)::BIGINT)) AS position
) AS g;
