-- What a server said about the last answer that was loaded, to ask it later whether it changed.
-- Not a fact: it is left out of the content hash, and forgetting it costs one download.
CREATE TABLE feed (
    source VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    etag VARCHAR NOT NULL,
    last_modified VARCHAR NOT NULL,
    checked_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (source, file)
);
