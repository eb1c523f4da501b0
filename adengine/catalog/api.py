"""The management API: every collection of the catalogue, by one set of views.

GET lists page by page, POST creates (201, `Idempotency-Key`), GET reads one, PATCH changes (`If-Match`), DELETE
archives. Tenancy is in `sql`, what a document may hold in its form; creatives have further routes in `creatives.api`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import flask
from sqlalchemy import Connection, Engine

from adengine.catalog import etags, sql
from adengine.catalog.collections import COLLECTIONS, Collection
from adengine.catalog.creatives import api as creatives_api
from adengine.catalog.creatives import sql as creatives
from adengine.catalog.documents import patch_form, read
from adengine.catalog.idempotency.sql import Made, once
from adengine.catalog.keys import sql as keys
from adengine.catalog.keys.secret import SALT_BYTES, derived
from adengine.catalog.known import Known
from adengine.catalog.manners.api import (
    IDEMPOTENCY,
    IF_MATCH,
    PUBLIC_ID,
    UNCHANGEABLE,
    UNREADABLE,
    Doc,
    Parts,
    answer,
    body_doc,
    caller,
    found,
    know_public_ids,
    one_spoken,
    path_id,
    refusals,
    request_name,
    spoken,
)
from adengine.catalog.paging import cursor_behind, list_query, page_of
from adengine.catalog.schemas import KeyMade
from adengine.places import Gazetteer
from adengine.store.sql import reading, writing
from adengine.topics import Taxonomy
from adengine.web.auth import requires
from adengine.web.body import read_json
from adengine.web.openapi import Blueprint

SALT = "salt"
"""In the kept answer of a key's creation, where the key itself must not be."""


def blueprint(
    engine: Engine,
    gazetteer: Gazetteer,
    taxonomy: Taxonomy,
    *,
    http_landing: bool = False,
    clock: Callable[[], float] = time.time,
) -> Blueprint:
    """Every route of the catalogue; nothing connects before the first request.

    http_landing: http:// landing URLs are taken beside https://.  clock: seconds since the epoch.
    """
    shipped = Known(gazetteer=gazetteer, taxonomy=taxonomy, http_landing=http_landing)
    parts = Parts(engine=engine, shipped=shipped, clock=clock)
    blp = Blueprint("catalogue", __name__, description="What may be shown: sites, slots, campaigns, creatives, keys.")
    blp.record_once(know_public_ids)
    for collection in COLLECTIONS:
        for add_route in (_add_list, _add_create, _add_read, _add_change, _add_archive):
            add_route(blp, parts, collection)
    creatives_api.add_routes(blp, parts)
    return blp


def _add_list(blp: Blueprint, parts: Parts, collection: Collection) -> None:
    @blp.route(f"/v1/{collection.plural}", methods=["GET"], endpoint=f"list_{collection.plural}")
    @requires(*collection.readers)
    @blp.arguments(list_query(collection), location="query")
    @blp.response(HTTPStatus.OK, page_of(collection.answer, f"{collection.noun.title()}Page"))
    @blp.doc(summary=f"List {collection.plural}", description=collection.about, operationId=f"list_{collection.plural}")
    def list_(query: dict[str, Any]) -> flask.Response:
        limit = query["limit"]
        with reading(parts.engine) as connection:
            rows = sql.page(
                connection,
                collection,
                caller(),
                after=query.get("cursor", 0),
                count=limit + 1,
                parent=query.get(collection.parent or ""),
                archived=query["archived"],
            )
            items = spoken(connection, collection, rows[:limit])
        return answer({"items": items, "next": cursor_behind(rows, limit)})


def _add_create(blp: Blueprint, parts: Parts, collection: Collection) -> None:
    @blp.route(f"/v1/{collection.plural}", methods=["POST"], endpoint=f"create_{collection.noun}")
    @requires(*collection.writers)
    @blp.response(HTTPStatus.CREATED, KeyMade if collection.noun == "key" else collection.answer)
    @blp.doc(
        summary=f"Create a {collection.noun}",
        description=collection.about,
        operationId=f"create_{collection.noun}",
        requestBody=body_doc(collection.form),
        parameters=[IDEMPOTENCY],
        responses=refusals(*UNREADABLE, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def create() -> flask.Response:
        document, now_s = read_json(), parts.now_s()

        def edit(connection: Connection) -> Made:
            known = sql.known(connection, [document], collection, caller(), parts.shipped)
            values = read(collection.form(), document, known)
            id_, hidden = _add(connection, collection.noun, values, now_s)
            return Made(status=HTTPStatus.CREATED, document=one_spoken(connection, collection.noun, id_) | hidden)

        created = once(parts.engine, request_name(), now_s, edit)
        response = answer(_revealed(created.document), created.status)
        response.headers["Location"] = f"/v1/{collection.plural}/{created.document['id']}"
        return response


def _add_read(blp: Blueprint, parts: Parts, collection: Collection) -> None:
    @blp.route(_one(collection), methods=["GET"], endpoint=f"read_{collection.noun}", parameters=[path_id(collection)])
    @requires(*collection.readers)
    @blp.response(HTTPStatus.OK, collection.answer)
    @blp.doc(
        summary=f"Read a {collection.noun}",
        description=collection.about,
        operationId=f"read_{collection.noun}",
        responses=refusals(HTTPStatus.NOT_FOUND),
    )
    def read_(public_id: str) -> flask.Response:
        with reading(parts.engine) as connection:
            row = found(connection, collection.noun, public_id)
            return answer(spoken(connection, collection, [row])[0])


def _add_change(blp: Blueprint, parts: Parts, collection: Collection) -> None:
    @blp.route(
        _one(collection), methods=["PATCH"], endpoint=f"change_{collection.noun}", parameters=[path_id(collection)]
    )
    @requires(*collection.writers)
    @blp.response(HTTPStatus.OK, collection.answer)
    @blp.doc(
        summary=f"Change a {collection.noun}",
        description="What the body leaves out stays; a list or an object that it names is replaced whole.",
        operationId=f"change_{collection.noun}",
        requestBody=body_doc(patch_form(collection.form)),
        parameters=[IF_MATCH | {"description": "The etag of what you read and changed; without it the answer is 428."}],
        responses=refusals(*UNREADABLE, *UNCHANGEABLE),
    )
    def change(public_id: str) -> flask.Response:
        document = read_json()
        with writing(parts.engine) as connection:
            sql.begin_edit(connection)
            row = found(connection, collection.noun, public_id)
            known = sql.known(connection, [document], collection, caller(), parts.shipped)
            given = read(collection.form(), document, known, row)
            etags.check(flask.request.headers.get("If-Match"), row["revision"])
            _change(connection, collection.noun, row, given, parts.now_s())
            return answer(one_spoken(connection, collection.noun, row["id"]))


def _add_archive(blp: Blueprint, parts: Parts, collection: Collection) -> None:
    @blp.route(
        _one(collection), methods=["DELETE"], endpoint=f"archive_{collection.noun}", parameters=[path_id(collection)]
    )
    @requires(*collection.writers)
    @blp.response(HTTPStatus.NO_CONTENT)
    @blp.doc(
        summary=f"Archive a {collection.noun}",
        description="Takes it and all that hangs on it out of service for good; reports keep what was counted.",
        operationId=f"archive_{collection.noun}",
        parameters=[IF_MATCH],
        responses=refusals(HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED),
    )
    def archive(public_id: str) -> flask.Response:
        with writing(parts.engine) as connection:
            sql.begin_edit(connection)
            row = found(connection, collection.noun, public_id)
            etags.check(flask.request.headers.get("If-Match"), row["revision"], needed=False)
            sql.archive(connection, collection.noun, row["id"], parts.now_s())
        return flask.Response(status=HTTPStatus.NO_CONTENT)


def _one(collection: Collection) -> str:
    return f"/v1/{collection.plural}/<{PUBLIC_ID}>"


def _change(connection: Connection, noun: str, row: sql.Row, given: Mapping[str, Any], now_s: int) -> None:
    if noun == "creative":
        creatives.change(connection, row, given, now_s)
    else:
        sql.change(connection, noun, row, given, now_s)


def _add(connection: Connection, noun: str, values: Mapping[str, Any], now_s: int) -> tuple[int, Doc]:
    """The new row's id, and what the kept answer needs besides the row."""
    if noun == "creative":
        return creatives.add(connection, values, now_s), {}
    if noun == "key":
        salt = secrets.token_bytes(SALT_BYTES)
        return keys.add(connection, values, _made_from(salt), now_s), {SALT: salt.hex()}
    return sql.add(connection, noun, values, now_s), {}


def _revealed(document: Doc) -> Doc:
    """With the key instead of its salt."""
    if SALT not in document:
        return document
    key = _made_from(bytes.fromhex(document[SALT]))
    return {name: value for name, value in document.items() if name != SALT} | {"key": key}


def _made_from(salt: bytes) -> str:
    maker = flask.request.headers["Authorization"].split(None, 1)[1].strip()
    return derived(maker.encode("utf-8", "surrogateescape"), salt)
