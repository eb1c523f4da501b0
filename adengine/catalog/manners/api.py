"""How the catalogue's routes read requests, answer, and describe themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

import flask
import orjson
from flask.sansio.blueprints import BlueprintSetupState
from marshmallow import Schema
from sqlalchemy import Connection, Engine
from werkzeug.routing import BaseConverter

from adengine.catalog import etags, ids, sql
from adengine.catalog.collections import BY_NOUN, Collection
from adengine.catalog.creatives import sql as creatives
from adengine.catalog.idempotency.requests import HEADER, NAME_PATTERN, Named, named
from adengine.catalog.known import Known
from adengine.catalog.nouns import Key
from adengine.catalog.sql import Row
from adengine.web.body import read_bytes

Doc = dict[str, Any]


PUBLIC_ID = "public_id:public_id"
"""In a route: an id, up to the colon of a verb."""


class _PublicId(BaseConverter):
    regex = "[^/:]+"


def know_public_ids(state: BlueprintSetupState) -> None:
    """Makes `PUBLIC_ID` mean something to the app that a blueprint is registered with."""
    state.app.url_map.converters["public_id"] = _PublicId


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the routes work with."""

    engine: Engine
    shipped: Known
    """The trees and settings that documents are judged against; rows are added by request."""
    clock: Callable[[], float]

    def now_s(self) -> int:
        return int(self.clock())


def caller() -> Key:
    key: Key = flask.g.key
    return key


def request_name() -> Named | None:
    """The request by its `Idempotency-Key`, None without the header."""
    request = flask.request
    address = request.full_path if request.query_string else request.path
    return named(caller().id, request.headers.get(HEADER), request.method, address, request.mimetype, read_bytes())


def found(connection: Connection, noun: str, public_id: str) -> Row:
    """The row of the address, as `spoken` takes it; raises `NotFound`."""
    row = sql.find(connection, noun, ids.parse(noun, public_id), caller())
    return _whole(connection, noun, [row])[0]


def spoken(connection: Connection, collection: Collection, rows: Sequence[Row]) -> list[Doc]:
    """Rows of a collection as documents."""
    whole = [row | {"etag": etags.of(row["revision"])} for row in _whole(connection, collection.noun, rows)]
    documents: list[Doc] = _schema(collection.answer).dump(whole, many=True)
    return documents


def one_spoken(connection: Connection, noun: str, id_: int) -> Doc:
    """A live row as it stands now."""
    return spoken(connection, BY_NOUN[noun], [sql.find(connection, noun, id_, caller())])[0]


def answer(document: Doc, status: int = HTTPStatus.OK) -> flask.Response:
    """An object with its etag; a list without."""
    response = flask.Response(orjson.dumps(document), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if "etag" in document:
        response.headers["ETag"] = f'"{document["etag"]}"'
    return response


def body_doc(form: type[Schema], *, required: bool = True) -> Doc:
    """The OpenAPI description of a JSON body that the view reads itself."""
    return {"required": required, "content": {"application/json": {"schema": form}}}


def refusals(*statuses: HTTPStatus) -> Doc:
    """The OpenAPI description of problems."""
    return {str(int(status)): status.name for status in statuses}


def path_id(collection: Collection) -> Doc:
    """The OpenAPI description of `public_id` in an address."""
    return {
        "name": "public_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": ids.pattern(collection.noun)},
        "example": ids.public(collection.noun, 1),
    }


IF_MATCH: Doc = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The etag of the object as you read it: 412 if it has changed since.",
    "schema": {"type": "string"},
    "example": '"1"',
}
IDEMPOTENCY: Doc = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A name of your choice for this request: sent again, it is answered again and not done again.",
    "schema": {"type": "string", "pattern": NAME_PATTERN},
}
UNREADABLE = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
"""What may be wrong with any body."""
UNCHANGEABLE = (
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.PRECONDITION_REQUIRED,
)
"""Why an object may not be changed so, or not now."""


def _whole(connection: Connection, noun: str, rows: Sequence[Row]) -> Sequence[Row]:
    return creatives.with_text(connection, rows) if noun == "creative" else rows


@cache
def _schema(answered: type[Schema]) -> Schema:
    return answered()
