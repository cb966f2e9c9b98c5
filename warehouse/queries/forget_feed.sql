DELETE FROM feed WHERE source = :source AND file = :file
