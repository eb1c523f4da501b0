"""What a third party counted beside what we counted, and where the gap comes from."""
