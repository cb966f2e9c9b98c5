"""Connectors: one file a source. They find and map what a publisher gave, and know no table."""
