-- Training runs with a date and compute, of the notable list where one is known, else of the whole
-- database; fine-tuned models are left out because their compute is not their base's.
SELECT published_on, compute_flop, series, known_at, origin_id
FROM (
    SELECT *, max(series) FILTER (WHERE source = 'epoch_models') OVER () AS chosen
    FROM out_training_runs
)
WHERE
    published_on >= DATE '2010-01-01'
    -- A release date after the list's own vintage is a slip of the list.
    AND published_on <= known_at
    AND compute_flop > 0
    AND base_model = ''
    AND series = chosen
ORDER BY published_on, model, ordinal
