-- Outcome of the last recorded attempt to load a source; no row if there was none.
SELECT status FROM ingest_run WHERE source = :source ORDER BY finished_at DESC, run_id LIMIT 1
