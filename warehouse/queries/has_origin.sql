-- Whether an origin is known.
SELECT count(*) > 0 FROM origin WHERE origin_id = :origin_id;
