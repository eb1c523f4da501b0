"""Moments as all answers spell them: RFC 3339 in UTC, whole seconds. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def spelled(at_s: float) -> str:
    """at_s: epoch s."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
