"""API keys: 256 bits, shown once; only their SHA-256 is stored."""
