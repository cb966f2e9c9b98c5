"""Reading corpora: files to documents, documents to a measurement."""
