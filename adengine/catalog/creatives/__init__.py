"""Creatives: their form, their way through review in versions, and their import in bulk."""
