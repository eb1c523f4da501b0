"""/v1/reports/saved/<id>/links: links to a saved report that expire; /v1/reports/shared reads one."""

from __future__ import annotations

from http import HTTPStatus

import flask
from sqlalchemy import Connection

from adengine.catalog import ids
from adengine.catalog.idempotency.sql import Made, once
from adengine.catalog.manners.api import IDEMPOTENCY, UNREADABLE, answer, body_doc, caller, refusals, request_name
from adengine.reporting.calendar import DAY_S
from adengine.reporting.manners.api import DELIVERED, READ_AS
from adengine.reporting.saved import schema, sql
from adengine.reporting.saved.api import ONE, PATH, READERS, Shelf, found
from adengine.store.sql import reading, writing
from adengine.web import instants
from adengine.web.auth import requires
from adengine.web.body import read_json
from adengine.web.openapi import Blueprint

LINKS = f"{ONE}/links"
SHARED = "/v1/reports/shared"
LINK_PATH = schema.path_id("link")


def add_routes(blp: Blueprint, shelf: Shelf) -> None:
    _add_links(blp, shelf)
    _add_shared(blp, shelf)


def _add_links(blp: Blueprint, shelf: Shelf) -> None:
    @blp.route(LINKS, methods=["POST"], endpoint="share_report", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.CREATED, schema.LinkOut)
    @blp.doc(
        summary="Share a saved report",
        description="Whoever has the link reads this report and nothing else, until it expires or is taken back.",
        operationId="share_report",
        requestBody=body_doc(schema.LinkIn),
        parameters=[IDEMPOTENCY],
        responses=refusals(*UNREADABLE, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def share(report_id: str) -> flask.Response:
        days, now_s = shelf.link_values(read_json())["days"], shelf.now_s()

        def edit(connection: Connection) -> Made:
            report = found(connection, report_id)["id"]
            row = sql.add_link(connection, report, caller().name, now_s, now_s + days * DAY_S)
            return Made(status=HTTPStatus.CREATED, document=row)

        created = once(shelf.engine, request_name(), now_s, edit)
        return answer(shelf.spoken_link(created.document), created.status)

    @blp.route(LINKS, methods=["GET"], endpoint="list_links", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.OK, schema.LinkPage)
    @blp.doc(summary="List a report's links", operationId="list_links", responses=refusals(HTTPStatus.NOT_FOUND))
    def links(report_id: str) -> flask.Response:
        with reading(shelf.engine) as connection:
            rows = sql.links(connection, found(connection, report_id)["id"])
        return answer({"items": [shelf.spoken_link(row) for row in rows]})

    @blp.route(f"{LINKS}/<link_id>", methods=["DELETE"], endpoint="drop_link", parameters=[PATH, LINK_PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.NO_CONTENT)
    @blp.doc(summary="Take a link back", operationId="drop_link", responses=refusals(HTTPStatus.NOT_FOUND))
    def drop_link(report_id: str, link_id: str) -> flask.Response:
        with writing(shelf.engine) as connection:
            sql.drop_link(connection, found(connection, report_id)["id"], ids.parse("link", link_id))
        return flask.Response(status=HTTPStatus.NO_CONTENT)


def _add_shared(blp: Blueprint, shelf: Shelf) -> None:
    @blp.route(SHARED, methods=["GET"], endpoint="shared_report")
    @blp.response(HTTPStatus.OK, schema.SharedOut, content_type="application/json")
    @blp.doc(
        summary="A shared report",
        description="With the token of a link as `Authorization: Bearer <token>`; whole, or in pages.",
        operationId="shared_report",
        security=[{"key": []}],
        parameters=READ_AS,
        responses=refusals(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY) | DELIVERED,
    )
    def shared() -> flask.Response:
        token = (flask.request.headers.get("Authorization") or "").partition(" ")[2].strip()
        with reading(shelf.engine) as connection:
            link, report = shelf.shared(connection, token)
        return shelf.delivered(report, {"name": report["name"], "expires_at": instants.spelled(link["expires_at_s"])})
