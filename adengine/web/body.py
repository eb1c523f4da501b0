"""Reading request bodies: never more than the published limit, and JSON only as `web.json_strict` accepts it."""

from __future__ import annotations

from typing import Any

import flask
import marshmallow
from marshmallow import RAISE
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import UnsupportedMediaType

from adengine.errors import TooLarge
from adengine.web.json_strict import parse

BYTES_MAX = 2_000_000
"""The largest body of any route; `POST /v1/fill` has its own, smaller one."""

DRAINED_MAX = 16_000_000
"""How much of a refused body is still taken in, bytes: a sender who is cut off reads a broken pipe, not our answer."""
_CHUNK = 64_000


def read_bytes(*, bytes_max: int = BYTES_MAX) -> bytes:
    """The request's body; raises `TooLarge` when more than `bytes_max` bytes are announced or arrive."""
    request = flask.request
    announced = request.content_length or 0
    if announced <= bytes_max:
        request.max_content_length = bytes_max + 1  # werkzeug cuts a chunked body here without a word
        body = request.get_data()
        if len(body) <= bytes_max:
            return body
    if announced <= DRAINED_MAX:
        _drain(announced or DRAINED_MAX)
    raise TooLarge(f"the body may have at most {bytes_max} bytes")


def _drain(left: int) -> None:
    """Reads on, at most `left` bytes, and forgets."""
    stream = flask.request.environ["wsgi.input"]
    while left > 0 and (taken := len(stream.read(min(left, _CHUNK)))):
        left -= taken


def read_json(*, bytes_max: int = BYTES_MAX) -> Any:
    """The request's JSON document; raises `TooLarge`, `Malformed` or werkzeug's 415 for another media type."""
    mimetype = flask.request.mimetype
    if mimetype != "application/json" and not (mimetype.startswith("application/") and mimetype.endswith("+json")):
        raise UnsupportedMediaType("send this body with Content-Type: application/json")
    return parse(read_bytes(bytes_max=bytes_max))


class StrictParser(FlaskParser):
    """Feeds schemas from body and query for `@blueprint.arguments`; unknown names are mistakes."""

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": RAISE, "json": RAISE}

    def load_json(self, req: flask.Request, schema: marshmallow.Schema) -> Any:  # noqa: ARG002
        return read_json()
