"""/v1/adjustments: what people correct in sealed hours."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import flask
from sqlalchemy import Connection, Engine

from adengine.catalog.documents import read
from adengine.catalog.idempotency.sql import Made, once
from adengine.catalog.known import Known
from adengine.catalog.manners.api import IDEMPOTENCY, UNREADABLE, answer, body_doc, caller, refusals, request_name
from adengine.catalog.nouns import Scope
from adengine.catalog.paging import PageQuery, cursor_behind, page_of
from adengine.reporting.adjustments import sql
from adengine.reporting.adjustments.schema import AdjustmentIn, AdjustmentOut
from adengine.store.sql import reading
from adengine.web.auth import requires
from adengine.web.body import read_json
from adengine.web.openapi import Blueprint


def add_routes(blp: Blueprint, engine: Engine, known: Known, clock: Callable[[], float] = time.time) -> None:
    """clock: epoch s."""

    @blp.route("/v1/adjustments", methods=["POST"], endpoint="create_adjustment")
    @requires(Scope.ADMIN)
    @blp.response(HTTPStatus.CREATED, AdjustmentOut)
    @blp.doc(
        summary="Correct a sealed hour",
        description="Adds to what a flight has in an hour that is sealed, or takes away from it. Reports have it in "
        "their sums; pacing has not. It cannot be changed; another one takes it back.",
        operationId="create_adjustment",
        requestBody=body_doc(AdjustmentIn),
        parameters=[IDEMPOTENCY],
        responses=refusals(*UNREADABLE, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def create() -> flask.Response:
        values = read(AdjustmentIn(), read_json(), known)
        now_s = int(clock())

        def edit(connection: Connection) -> Made:
            made = sql.add(connection, values, caller().name, now_s)
            return Made(status=HTTPStatus.CREATED, document=_spoken(sql.one(connection, made)))

        created = once(engine, request_name(), now_s, edit)
        return answer(created.document, created.status)

    @blp.route("/v1/adjustments", methods=["GET"], endpoint="list_adjustments")
    @requires(Scope.ADMIN, Scope.MANAGE, Scope.REPORT)
    @blp.arguments(PageQuery, location="query")
    @blp.response(HTTPStatus.OK, page_of(AdjustmentOut, "AdjustmentPage"))
    @blp.doc(
        summary="List adjustments",
        description="What was added to sealed hours, by people and by events that came late. A key of an advertiser "
        "sees what was added to his own flights.",
        operationId="list_adjustments",
    )
    def list_(query: dict[str, Any]) -> flask.Response:
        limit = query["limit"]
        with reading(engine) as connection:
            rows = sql.page(connection, query.get("cursor", 0), limit + 1, caller().advertiser)
        numbered = [{"id": int(row["id"].removeprefix("adj_"))} for row in rows]
        return answer({"items": [_spoken(row) for row in rows[:limit]], "next": cursor_behind(numbered, limit)})


def _spoken(row: sql.Row) -> dict[str, Any]:
    document: dict[str, Any] = AdjustmentOut().dump(row)
    return document
