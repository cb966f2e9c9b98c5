SELECT * FROM out_conversions ORDER BY domain, corpus_id, metric, stage
