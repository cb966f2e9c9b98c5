"""Statistics of a corpus read once: sketches that merge, and estimates with their error."""
