-- out_training_runs: one row per model of the newest vintage of each series (all, notable) that
-- is not held at the chosen date. Units: params, tokens (tokens or words, as listed), compute_flop in FLOP.
-- Never mix the two series. Readers: the compute path of demand, analysts.
CREATE OR REPLACE VIEW out_training_runs AS
SELECT t.*
FROM training_run AS t
INNER JOIN (
    SELECT source, series, max(known_at) AS known_at
    FROM core_vintage_state
    WHERE state <> 'held'
    GROUP BY ALL
) AS v USING (source, series, known_at);
