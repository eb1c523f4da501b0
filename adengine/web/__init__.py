"""Shared HTTP manners: problems, keys and scopes, bodies, request ids, limits, health, metrics, the OpenAPI pages."""
