"""A way past Flask's machinery for the routes that pages wait for: the same answer, byte for byte, for less.

A hot route is an ordinary view too. What is not ordinary about a request (no announced length, a body that is cut off,
a query that says more than it should, any refusal) goes to that view, as if this had not been; so errors are worded in
one place only. What a beacon's hot way raised once it had asked the store, its view raises again instead of asking
twice (`raise_again`).
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import flask

from adengine.errors import AdengineError
from adengine.web import headers, manners, request_ids

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

OK, NO_CONTENT = "200 OK", "204 NO CONTENT"
_RAISED = "adengine.raised"


class Answer(NamedTuple):
    """What went well; everything else is said by raising."""

    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: str = OK


Way = Callable[[str | None, bytes, bytes, str], Answer]
"""(the Authorization header, the body, the request's id: 16 bytes, and in letters) -> the answer. Raises
`AdengineError` before it has done anything that may not be done twice, and nothing afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    rule: str
    """As Flask spells it; without variables."""
    bytes_max: int
    way: Way


PREFIX_CHARS = len("/v1/x/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """GET and POST of addresses that begin alike; a body is not read."""

    rule: str
    """As Flask spells it; one variable, behind `PREFIX_CHARS`."""
    way: Callable[[str, WSGIEnvironment], Answer | None]
    """(what stands for the variable, the request) -> the answer; None, before anything was done, leaves it to the view.
    What it raises its view must `raise_again`."""


def raise_again() -> None:
    """In a view: raises what the hot way of this request has raised."""
    raised = flask.request.environ.get(_RAISED)
    if raised is not None:
        raise raised


class HotFlask(flask.Flask):
    """A Flask app with hot routes; they answer POST, its beacons GET too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hot: dict[str, Route] = {}
        self._beacons: dict[str, Beacon] = {}

    def add_hot_route(self, route: Route) -> None:
        """The view of the same rule must be registered too, and answer alike."""
        self._hot[route.rule] = route

    def add_hot_beacon(self, beacon: Beacon) -> None:
        """The same."""
        self._beacons[beacon.rule[:PREFIX_CHARS]] = beacon

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        route = self._hot.get(path)
        if route is not None and method == "POST":
            body = _body(environ, route.bytes_max)
            if body is not None:
                try:
                    return _answered(route, environ.get("HTTP_AUTHORIZATION"), body, start_response)
                except AdengineError:
                    environ["wsgi.input"] = io.BytesIO(body)
        beacon = self._beacons.get(path[:PREFIX_CHARS])
        if beacon is not None and method in ("GET", "POST"):
            sent = _received(beacon, path[PREFIX_CHARS:], method, environ, start_response)
            if sent is not None:
                return sent
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
    request_id = request_ids.text_of(request)
    answer = route.way(authorization, body, request, request_id)
    return _sent(route.rule, "POST", answer, request_id, begun_s, start_response)


def _received(
    beacon: Beacon, named: str, method: str, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes] | None:
    """None leaves the request to its view."""
    begun_s = time.perf_counter()
    try:
        answer = beacon.way(named, environ)
    except AdengineError as error:
        environ[_RAISED] = error
        return None
    if answer is None:
        return None
    return _sent(beacon.rule, method, answer, request_ids.text_of(request_ids.new()), begun_s, start_response)


def _sent(
    rule: str, method: str, answer: Answer, request_id: str, begun_s: float, start_response: StartResponse
) -> Iterable[bytes]:
    size = len(answer.body)
    length = (("Content-Length", str(size)),) if answer.status == OK else ()
    start_response(answer.status, [*answer.headers, *length, (request_ids.HEADER, request_id), *headers.DEFAULTS])
    status = int(answer.status[:3])
    manners.account(request_id=request_id, method=method, route=rule, status=status, begun_s=begun_s, size=size)
    return (answer.body,)
