"""Reports that are too large for one answer: made in the background, read in pages."""
