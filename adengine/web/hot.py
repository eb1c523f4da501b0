"""A way past Flask's machinery for the routes that pages wait for: the same answer, byte for byte, for less.

A hot route is an ordinary view too. What is not ordinary about a request (no announced length, a body that is cut off,
any refusal) goes to that view, as if this had not been; so errors are worded in one place only.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flask

from adengine.errors import AdengineError
from adengine.web import headers, manners, request_ids

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

STATUS = "200 OK"


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200; everything else is said by raising."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


Way = Callable[[str | None, bytes, bytes], Answer]
"""(the Authorization header, the body, the request's id, 16 bytes) -> the answer. Raises `AdengineError` before it has
done anything that may not be done twice, and nothing afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    rule: str
    """As Flask spells it; without variables."""
    bytes_max: int
    way: Way


class HotFlask(flask.Flask):
    """A Flask app with hot routes; they answer POST."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hot: dict[str, Route] = {}

    def add_hot_route(self, route: Route) -> None:
        """The view of the same rule must be registered too, and answer alike."""
        self._hot[route.rule] = route

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        route = self._hot.get(environ["PATH_INFO"])
        if route is not None and environ["REQUEST_METHOD"] == "POST":
            body = _body(environ, route.bytes_max)
            if body is not None:
                try:
                    return _answered(route, environ.get("HTTP_AUTHORIZATION"), body, start_response)
                except AdengineError:
                    environ["wsgi.input"] = io.BytesIO(body)
        return super().__call__(environ, start_response)


def _body(environ: WSGIEnvironment, bytes_max: int) -> bytes | None:
    """A body of announced length, read whole; None, with everything as it was, if it is not that simple."""
    announced = environ.get("CONTENT_LENGTH") or ""
    if not (announced.isascii() and announced.isdigit()) or "HTTP_TRANSFER_ENCODING" in environ:
        return None
    size = int(announced)
    if size > bytes_max:
        return None
    body: bytes = environ["wsgi.input"].read(size)
    if len(body) == size:
        return body
    environ["wsgi.input"] = io.BytesIO(body)
    return None


def _answered(route: Route, authorization: str | None, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
    begun_s = time.perf_counter()
    request = request_ids.new()
    answer = route.way(authorization, body, request)
    request_id, size = request_ids.text_of(request), len(answer.body)
    start_response(
        STATUS,
        [*answer.headers, ("Content-Length", str(size)), (request_ids.HEADER, request_id), *headers.DEFAULTS],
    )
    manners.account(
        request_id=request_id, method="POST", route=route.rule, status=200, begun_s=begun_s, size=size
    )  # fmt: skip
    return (answer.body,)
