"""What the catalogue's routes share."""
