SELECT file, etag, last_modified FROM feed WHERE source = :source
