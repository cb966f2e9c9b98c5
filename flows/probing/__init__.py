"""What a probe run keeps on disk: its manifest, text, checkpoint, loss curve and result."""
