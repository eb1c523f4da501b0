"""The rules of single targeting dimensions: what their values may be, and what a request is in them."""
