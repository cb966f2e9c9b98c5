-- Whether a vintage states a figure more than once.
SELECT coalesce(bool_or(repeats), FALSE) FROM stated
