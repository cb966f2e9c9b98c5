-- Band of a source: its own if it has one, else the default.
SELECT fall, rise FROM guard_band
WHERE source IN (:source, '*')
ORDER BY source = :source DESC, set_at DESC
LIMIT 1
