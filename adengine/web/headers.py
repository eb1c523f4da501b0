"""Security headers of every answer; a view that needs another policy sets its own and keeps it."""

from __future__ import annotations

import flask

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""For pages of plain HTML with our own stylesheet."""
DEFAULTS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


def add(answer: flask.Response) -> None:
    for name, value in DEFAULTS:
        if name not in answer.headers:
            answer.headers.add(name, value)
