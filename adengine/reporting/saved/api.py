"""/v1/reports/saved: reports by name, sent on a schedule; `saved.links` shares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import flask
from sqlalchemy import Connection

from adengine.catalog import etags, ids
from adengine.catalog.documents import patch_form, read
from adengine.catalog.idempotency.sql import Made, once
from adengine.catalog.known import Known
from adengine.catalog.manners.api import (
    IDEMPOTENCY,
    IF_MATCH,
    UNCHANGEABLE,
    UNREADABLE,
    answer,
    body_doc,
    caller,
    refusals,
    request_name,
)
from adengine.catalog.nouns import Scope
from adengine.catalog.paging import PageQuery, cursor_behind, page_of
from adengine.errors import Invalid, Mistake, NotFound, Unauthorized
from adengine.reporting.load import Desk
from adengine.reporting.manners.api import DELIVERED, FORMAT, answered
from adengine.reporting.query import parse
from adengine.reporting.saved import schema, sql, tokens
from adengine.reporting.saved.schedule import next_at_s
from adengine.reporting.schema import DeliveryOut
from adengine.reporting.terms import Terms
from adengine.store.sql import reading, writing
from adengine.web.auth import requires
from adengine.web.body import read_json
from adengine.web.openapi import Blueprint

READERS = (Scope.REPORT, Scope.MANAGE, Scope.ADVERTISE)
ONE = "/v1/reports/saved/<report_id>"
PATH = schema.path_id("report")
SHARED_PAGE = "/reports/shared#"
NOTHING: Mapping[str, str] = {}


class Shelf:
    """The saved reports as documents."""

    def __init__(self, desk: Desk, terms: Terms, clock: Callable[[], float]) -> None:
        self.desk = desk
        self.engine = desk.engine
        self._terms = terms
        self._clock = clock
        self._known = Known(gazetteer=desk.gazetteer, taxonomy=desk.taxonomy, http_landing=terms.private_webhooks)

    def now_s(self) -> int:
        return int(self._clock())

    def values(self, document: Any, current: sql.Row | None = None) -> dict[str, Any]:
        """What is to be stored, and when it is sent next where that may be another time; raises `Invalid`."""
        given = read(schema.SavedIn(), document, self._known, current)
        if current is not None and not {"query", "schedule"} & given.keys():
            return given  # what is due by now and was not sent yet stays due
        whole = {**(current or {}), **given}
        due = whole.get("schedule")
        zone = ZoneInfo(whole["query"].get("tz", "UTC"))
        return given | {"next_at_s": next_at_s(due, zone, self.now_s()) if due else None}

    def link_values(self, document: Any) -> dict[str, Any]:
        return read(schema.LinkIn(), document, self._known)

    def spoken(self, row: sql.Row) -> dict[str, Any]:
        posted = row["schedule"] and row["schedule"]["webhook"]
        document: dict[str, Any] = schema.SavedOut().dump(
            row
            | {
                "id": ids.public("report", row["id"]),
                "created_at": row["created_at_s"],
                "updated_at": row["updated_at_s"],
                "etag": etags.of(row["revision"]),
                "next_at": row["next_at_s"],
                "webhook_secret": tokens.webhook_secret(self._terms.key, row["id"]) if posted else None,
            }
        )
        return document

    def spoken_link(self, row: sql.Row) -> dict[str, Any]:
        token = tokens.token(self._terms.key, row["id"], row["expires_at_s"])
        document: dict[str, Any] = schema.LinkOut().dump(
            row
            | {
                "id": ids.public("link", row["id"]),
                "created_at": row["created_at_s"],
                "expires_at": row["expires_at_s"],
                "token": token,
                "url": f"{self._terms.base_url}{SHARED_PAGE}{token}",
            }
        )
        return document

    def shared(self, connection: Connection, token: str) -> tuple[sql.Row, sql.Row]:
        """(the link, its report) that a token opens; raises `NotFound`, and `Unauthorized` without one."""
        if not token:
            raise Unauthorized("send the token of a link as Authorization: Bearer <token>")
        link = tokens.link_of(token)
        found = sql.shared(connection, link, self.now_s()) if link is not None else None
        if found is None or not tokens.opens(token, self._terms.key, found[0]["id"], found[0]["expires_at_s"]):
            raise NotFound("this link is not known, was taken back, or has expired")
        return found

    def delivered(self, row: sql.Row, also: Mapping[str, str] = NOTHING) -> flask.Response:
        """A saved report as it is now, in the format that the request wants.  also: in its JSON."""
        given = flask.request.args.to_dict(flat=False)
        strange = [Mistake(f"?{name}", "no such parameter") for name in given if name != FORMAT["name"]]
        if strange:
            raise Invalid(strange)
        asked = parse(schema.given_of(row["query"]) | given, self.desk.world, self.now_s())
        report, loaded = self.desk.report(asked, advertiser=row["advertiser"], site=row["site"])
        return answered(report, {**loaded.standing, **also}, asked.format, asked.has_front)


def add_routes(blp: Blueprint, shelf: Shelf) -> None:
    _add_making(blp, shelf)
    _add_reading(blp, shelf)
    _add_changing(blp, shelf)


def _add_making(blp: Blueprint, shelf: Shelf) -> None:
    @blp.route("/v1/reports/saved", methods=["POST"], endpoint="save_report")
    @requires(*READERS)
    @blp.response(HTTPStatus.CREATED, schema.SavedOut)
    @blp.doc(
        summary="Save a report",
        description="Keeps a query by name, with the eyes of the key that saves it; sends it on a schedule, if it has "
        "one: as a file in the engine's folder, or posted to a webhook and signed.",
        operationId="save_report",
        requestBody=body_doc(schema.SavedIn),
        parameters=[IDEMPOTENCY],
        responses=refusals(*UNREADABLE, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def save() -> flask.Response:
        values, now_s = shelf.values(read_json()), shelf.now_s()

        def edit(connection: Connection) -> Made:
            made = sql.add(connection, values, caller(), now_s)
            document = shelf.spoken(sql.find(connection, made, caller()))
            return Made(status=HTTPStatus.CREATED, document=document)

        created = once(shelf.engine, request_name(), now_s, edit)
        return answer(created.document, created.status)


def _add_reading(blp: Blueprint, shelf: Shelf) -> None:
    @blp.route("/v1/reports/saved", methods=["GET"], endpoint="list_reports")
    @requires(*READERS)
    @blp.arguments(PageQuery, location="query")
    @blp.response(HTTPStatus.OK, page_of(schema.SavedOut, "SavedPage"))
    @blp.doc(summary="List saved reports", operationId="list_reports")
    def list_(query: dict[str, Any]) -> flask.Response:
        limit = query["limit"]
        with reading(shelf.engine) as connection:
            rows = sql.page(connection, caller(), query.get("cursor", 0), limit + 1)
        return answer({"items": [shelf.spoken(row) for row in rows[:limit]], "next": cursor_behind(rows, limit)})

    @blp.route(ONE, methods=["GET"], endpoint="read_report", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.OK, schema.SavedOut)
    @blp.doc(summary="Read a saved report's query", operationId="read_report", responses=refusals(HTTPStatus.NOT_FOUND))
    def read_one(report_id: str) -> flask.Response:
        with reading(shelf.engine) as connection:
            return answer(shelf.spoken(found(connection, report_id)))

    @blp.route(f"{ONE}/delivery", methods=["GET"], endpoint="run_report", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.OK, DeliveryOut, content_type="application/json")
    @blp.doc(
        summary="A saved report as it is now",
        description="With the eyes of the key that saved it.",
        operationId="run_report",
        parameters=[FORMAT],
        responses=refusals(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY) | DELIVERED,
    )
    def run(report_id: str) -> flask.Response:
        with reading(shelf.engine) as connection:
            row = found(connection, report_id)
        return shelf.delivered(row)

    @blp.route(f"{ONE}/sent", methods=["GET"], endpoint="list_sent", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.OK, schema.SentPage)
    @blp.doc(
        summary="When it was sent",
        description=f"The last {sql.SENT_LISTED} times that it was due, newest first, and what went wrong.",
        operationId="list_sent",
        responses=refusals(HTTPStatus.NOT_FOUND),
    )
    def sent(report_id: str) -> flask.Response:
        with reading(shelf.engine) as connection:
            rows = sql.sent(connection, found(connection, report_id)["id"])
        named = [
            row
            | {
                "id": f"dlv_{row['id']}",
                "due_at": row["due_at_s"],
                "delivered_at": row["delivered_at_s"],
                "next_try_at": row["next_try_s"],
            }
            for row in rows
        ]
        return answer({"items": schema.SentOut().dump(named, many=True)})


def _add_changing(blp: Blueprint, shelf: Shelf) -> None:
    @blp.route(ONE, methods=["PATCH"], endpoint="change_report", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.OK, schema.SavedOut)
    @blp.doc(
        summary="Change a saved report",
        description="What the body leaves out stays; query and schedule are replaced whole.",
        operationId="change_report",
        requestBody=body_doc(patch_form(schema.SavedIn)),
        parameters=[IF_MATCH | {"description": "The etag of what you read and changed; without it the answer is 428."}],
        responses=refusals(*UNREADABLE, *UNCHANGEABLE),
    )
    def change(report_id: str) -> flask.Response:
        document = read_json()
        with writing(shelf.engine) as connection:
            row = found(connection, report_id)
            values = shelf.values(document, row)
            etags.check(flask.request.headers.get("If-Match"), row["revision"])
            sql.change(connection, row, values, shelf.now_s())
            return answer(shelf.spoken(found(connection, report_id)))

    @blp.route(ONE, methods=["DELETE"], endpoint="drop_report", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.NO_CONTENT)
    @blp.doc(
        summary="Forget a saved report",
        description="With its schedule; its links open nothing any more.",
        operationId="drop_report",
        responses=refusals(HTTPStatus.NOT_FOUND),
    )
    def drop(report_id: str) -> flask.Response:
        with writing(shelf.engine) as connection:
            sql.drop(connection, found(connection, report_id)["id"])
        return flask.Response(status=HTTPStatus.NO_CONTENT)


def found(connection: Connection, report_id: str) -> sql.Row:
    return sql.find(connection, ids.parse("report", report_id), caller())
