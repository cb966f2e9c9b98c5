SELECT origin_id, kind, publisher, title, url, licence, published_on, sha256, size_bytes FROM origin
