"""Files that are served as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flask

KINDS = {".css": "text/css", ".js": "text/javascript"}
KEPT_S = 300
"""How long a browser keeps one before it asks again; its ETag then saves the bytes."""


def served(path: Path) -> Callable[[], flask.Response]:
    """The view of a file."""

    def serve() -> flask.Response:
        answer = flask.Response(path.read_bytes(), content_type=f"{KINDS[path.suffix]}; charset=utf-8")
        answer.headers["Cache-Control"] = f"public, max-age={KEPT_S}"
        answer.add_etag()
        answer.make_conditional(flask.request)
        return answer

    return serve
