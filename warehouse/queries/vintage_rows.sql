SELECT rows, quarantined FROM vintage
WHERE source = :source AND series = :series AND known_at = :known_at
