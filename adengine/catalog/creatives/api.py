"""Further routes of creatives: the steps of review, what waits for it, previews, and import in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import flask
from sqlalchemy import Connection
from werkzeug.exceptions import UnsupportedMediaType

from adengine.catalog import etags, sql
from adengine.catalog.collections import BY_NOUN
from adengine.catalog.creatives import sql as creatives
from adengine.catalog.creatives.forms import ImportOut, ImportQuery, PreviewOut, PreviewQuery, previewed
from adengine.catalog.creatives.imports import FORMATS, Row, rows_in
from adengine.catalog.creatives.schema import CreativeOut, EmptyIn, RejectIn
from adengine.catalog.creatives.states import STEPS, Step
from adengine.catalog.creatives.verdicts import Verdict, all_or_nothing, judged, report, without
from adengine.catalog.documents import Document, read
from adengine.catalog.idempotency.sql import Made, answered, once
from adengine.catalog.manners.api import (
    IDEMPOTENCY,
    IF_MATCH,
    PUBLIC_ID,
    UNREADABLE,
    Doc,
    Parts,
    answer,
    body_doc,
    caller,
    found,
    one_spoken,
    path_id,
    refusals,
    request_name,
    spoken,
)
from adengine.catalog.nouns import Scope
from adengine.catalog.paging import PageQuery, cursor_behind, page_of
from adengine.store.sql import reading, writing
from adengine.web.auth import requires
from adengine.web.body import read_bytes, read_json
from adengine.web.openapi import Blueprint

CREATIVES = BY_NOUN["creative"]
ONE = f"/v1/creatives/<{PUBLIC_ID}>"


def add_routes(blp: Blueprint, parts: Parts) -> None:
    for step in STEPS:
        _add_step(blp, parts, step)
    _add_reviews(blp, parts)
    _add_preview(blp, parts)
    _add_import(blp, parts)


def _add_step(blp: Blueprint, parts: Parts, step: Step) -> None:
    form: type[Document] = RejectIn if step.verb == "reject" else EmptyIn

    @blp.route(
        f"{ONE}:{step.verb}", methods=["POST"], endpoint=f"creative_{step.verb}", parameters=[path_id(CREATIVES)]
    )
    @requires(*step.scopes)
    @blp.response(200, CreativeOut)
    @blp.doc(
        summary=f"{step.verb.title()} a creative",
        description=step.about,
        operationId=f"{step.verb}_creative",
        requestBody=body_doc(form, required=form is RejectIn),
        parameters=[IF_MATCH],
        responses=refusals(
            *UNREADABLE,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.PRECONDITION_FAILED,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        ),
    )
    def take(public_id: str) -> flask.Response:
        document = read_json() if read_bytes() else {}
        with writing(parts.engine) as connection:
            sql.begin_edit(connection)
            row = found(connection, "creative", public_id)
            said = read(form(), document, parts.shipped)
            etags.check(flask.request.headers.get("If-Match"), row["revision"], needed=False)
            creatives.take_step(connection, row, step.verb, caller(), parts.now_s(), reason=said.get("reason"))
            return answer(one_spoken(connection, "creative", row["id"]))


def _add_reviews(blp: Blueprint, parts: Parts) -> None:
    @blp.route("/v1/reviews", methods=["GET"], endpoint="reviews")
    @requires(Scope.REVIEW, Scope.MANAGE)
    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(CreativeOut, "ReviewPage"))
    @blp.doc(
        summary="List what waits for review",
        description="Creatives whose newest version is pending, with the text that is to be judged.",
        operationId="list_reviews",
    )
    def reviews(query: dict[str, Any]) -> flask.Response:
        limit = query["limit"]
        with reading(parts.engine) as connection:
            rows = creatives.waiting(connection, after=query.get("cursor", 0), count=limit + 1)
            items = spoken(connection, CREATIVES, rows[:limit])
        return answer({"items": items, "next": cursor_behind(rows, limit)})


def _add_preview(blp: Blueprint, parts: Parts) -> None:
    @blp.route(f"{ONE}/preview", methods=["GET"], endpoint="preview", parameters=[path_id(CREATIVES)])
    @requires(*CREATIVES.readers)
    @blp.arguments(PreviewQuery, location="query")
    @blp.response(200, PreviewOut)
    @blp.doc(
        summary="Preview a creative at widths",
        description="Which line of the newest version is shown where there is so much room, label included.",
        operationId="preview_creative",
        responses=refusals(HTTPStatus.NOT_FOUND),
    )
    def preview(query: dict[str, Any], public_id: str) -> flask.Response:
        with reading(parts.engine) as connection:
            row = found(connection, "creative", public_id)
        return answer(previewed(row, query))


def _add_import(blp: Blueprint, parts: Parts) -> None:
    @blp.route("/v1/creatives:import", methods=["POST"], endpoint="creatives_import", parameters=[IDEMPOTENCY])
    @requires(*CREATIVES.writers)
    @blp.arguments(ImportQuery, location="query")
    @blp.response(200, ImportOut)
    @blp.doc(
        summary="Import creatives",
        description="A JSON array, NDJSON or CSV of at most 10 000 creatives, each as for POST /v1/creatives. Every "
        "row is accepted or rejected with all of its mistakes; accepted ones become drafts.",
        operationId="import_creatives",
        requestBody=_files_doc(),
        responses=refusals(*UNREADABLE, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def import_file(query: dict[str, Any]) -> flask.Response:
        named, now_s = request_name(), parts.now_s()
        kept = answered(parts.engine, named) if named is not None else None
        if kept is not None:
            return answer(kept.document)
        verdicts = _judged(parts, rows_in(read_bytes(), _media_type()))
        if query["atomic"]:
            verdicts = all_or_nothing(verdicts)
        if query["dry_run"] or all(verdict.values is None for verdict in verdicts):
            return answer(report(verdicts, **query))

        def store(connection: Connection) -> Made:
            return Made(status=HTTPStatus.OK, document=report(_stored(connection, verdicts, query, now_s), **query))

        return answer(once(parts.engine, named, now_s, store).document)


def _judged(parts: Parts, rows: Sequence[Row]) -> list[Verdict]:
    """The verdicts before anything is stored; edits by others go on meanwhile."""
    documents = [row.document for row in rows]
    with reading(parts.engine) as connection:
        known = sql.known(connection, documents, CREATIVES, caller(), parts.shipped)
    return judged(rows, known)


def _stored(connection: Connection, verdicts: list[Verdict], query: dict[str, Any], now_s: int) -> list[Verdict]:
    """The verdicts with the ids of what was stored; their campaigns are looked at again, now that nobody edits."""
    campaigns = {verdict.values["campaign"] for verdict in verdicts if verdict.values is not None}
    verdicts = without(verdicts, sql.usable(connection, "campaign", sorted(campaigns), caller()))
    if query["atomic"]:
        verdicts = all_or_nothing(verdicts)
    accepted = [verdict.values for verdict in verdicts if verdict.values is not None]
    made = iter(creatives.add_all(connection, accepted, now_s))
    return [verdict if verdict.values is None else replace(verdict, id=next(made)) for verdict in verdicts]


def _media_type() -> str:
    request = flask.request
    charset = request.mimetype_params.get("charset", "utf-8").casefold()
    if request.mimetype not in FORMATS or charset not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"send one file in UTF-8 with Content-Type {', '.join(FORMATS)}")
    return request.mimetype


def _files_doc() -> Doc:
    text = {"schema": {"type": "string"}}
    row: Doc = {"description": "As for POST /v1/creatives; what is no creative has its mistakes in its own verdict."}
    rows: Doc = {"type": "array", "items": row, "maxItems": 10_000}
    return {
        "required": True,
        "content": {
            media_type: {"schema": rows} if media_type == "application/json" else text for media_type in FORMATS
        },
    }
