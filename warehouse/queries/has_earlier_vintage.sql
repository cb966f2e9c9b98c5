SELECT count(*) > 0 FROM vintage
WHERE source = :source AND series = :series AND known_at < :known_at
