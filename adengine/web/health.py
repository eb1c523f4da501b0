"""/livez: the process answers. /readyz: the parts it needs answer too, or 503 with which of them does not.

A page is served even when not ready (7-safety, levels): readiness is for whoever spreads the load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import flask
import structlog

from adengine.errors import AdengineError

_log = structlog.get_logger("adengine.health")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    probe: Callable[[], object]
    """Raises an `AdengineError` whose sentence says what is wrong; answers within a second."""


def install(app: flask.Flask, parts: tuple[Part, ...]) -> None:
    app.add_url_rule("/livez", "livez", _livez)
    app.add_url_rule("/readyz", "readyz", lambda: _readyz(parts))


def _livez() -> flask.Response:
    return _fresh({"status": "alive"}, 200)


def _readyz(parts: tuple[Part, ...]) -> flask.Response:
    states = {part.name: _state(part) for part in parts}
    ready = all(state == "ready" for state in states.values())
    return _fresh({"status": "ready" if ready else "unready", "parts": states}, 200 if ready else 503)


def _state(part: Part) -> str:
    try:
        part.probe()
    except AdengineError as error:
        _log.warning("unready", part=part.name, detail=error.detail)
        return error.detail
    return "ready"


def _fresh(body: dict[str, object], status: int) -> flask.Response:
    answer = flask.jsonify(body)
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    return answer
