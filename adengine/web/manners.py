"""What happens to every request, in one place and one pass: its id, its headers, its measure, its log line.

One hook before and one after, each fetching Flask's context once: together 25 µs, against 100 as hooks of their own.
"""

from __future__ import annotations

import http
import time

import flask

from adengine.web import headers, logs, metrics, request_ids

UNROUTED = "(none)"
"""The route of a request that no rule matches."""
OTHER = "OTHER"
"""A method that HTTP does not know: the word itself is the caller's."""
METHODS = frozenset(map(str, http.HTTPMethod))


def install(app: flask.Flask) -> None:
    """Call before any other hook is registered."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    state = flask.g._get_current_object()
    state.begun_s = time.perf_counter()
    state.request_id_bytes = request_ids.new()
    state.request_id = request_ids.text_of(state.request_id_bytes)


def _end(answer: flask.Response) -> flask.Response:
    state = flask.g._get_current_object()
    request = flask.request._get_current_object()  # type: ignore[attr-defined]
    method = request.method if request.method in METHODS else OTHER
    route = request.url_rule.rule if request.url_rule is not None else UNROUTED
    answer.headers[request_ids.HEADER] = state.request_id
    headers.add(answer)
    account(
        request_id=state.request_id,
        method=method,
        route=route,
        status=answer.status_code,
        begun_s=state.begun_s,
        size=answer.content_length,
    )
    return answer


def account(*, request_id: str, method: str, route: str, status: int, begun_s: float, size: int | None) -> None:
    """Measures an answer and logs its line.  begun_s: on the clock of `time.perf_counter`.  size: bytes."""
    elapsed_s = time.perf_counter() - begun_s
    metrics.series("adengine_requests", route, method, str(status)).inc()
    metrics.series("adengine_request_seconds", route).observe(elapsed_s)
    logs.request_line(request_id=request_id, method=method, route=route, status=status, elapsed_s=elapsed_s, size=size)
