SELECT series, known_at, sha256 FROM vintage WHERE source = :source ORDER BY series, known_at
