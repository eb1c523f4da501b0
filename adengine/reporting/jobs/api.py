"""/v1/reports/jobs: reports that are too large for one answer; asked for, watched, read in pages or as a file."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import flask
from sqlalchemy import Connection

from adengine.catalog import ids
from adengine.catalog.documents import read
from adengine.catalog.idempotency.sql import Made, once
from adengine.catalog.known import Known
from adengine.catalog.manners.api import IDEMPOTENCY, UNREADABLE, answer, body_doc, caller, refusals, request_name
from adengine.catalog.nouns import Scope
from adengine.catalog.paging import PageQuery, cursor_behind, page_of
from adengine.errors import Conflict, Invalid, Mistake
from adengine.reporting.delivery import Report
from adengine.reporting.files import FORMATS, JSON
from adengine.reporting.jobs import schema, sql
from adengine.reporting.load import Desk
from adengine.reporting.manners.api import CONTENT, FILE, TOLD, answered
from adengine.reporting.query import FLAGS
from adengine.reporting.saved.schema import path_id
from adengine.store.sql import reading, writing
from adengine.web.auth import requires
from adengine.web.body import read_json
from adengine.web.openapi import Blueprint

READERS = (Scope.REPORT, Scope.MANAGE, Scope.ADVERTISE)
ALL = "/v1/reports/jobs"
ONE = f"{ALL}/<job_id>"
PATH = path_id("job")
STANDING = ("as_of", "sealed_until")
FILE_FORMAT = {
    "in": "query",
    "name": "format",
    "required": True,
    "schema": {"type": "string", "enum": list(FORMATS)},
    "description": "Of the file.",
}


def add_routes(blp: Blueprint, desk: Desk, keep_s: int, clock: Callable[[], float]) -> None:
    """keep_s: how long a job is kept.  clock: epoch s."""
    _add_asking(blp, desk, keep_s, clock)
    _add_watching(blp, desk, keep_s)
    _add_rows(blp, desk)


def _add_asking(blp: Blueprint, desk: Desk, keep_s: int, clock: Callable[[], float]) -> None:
    known = Known(gazetteer=desk.gazetteer, taxonomy=desk.taxonomy)

    @blp.route(ALL, methods=["POST"], endpoint="ask_report")
    @requires(*READERS)
    @blp.response(HTTPStatus.ACCEPTED, schema.JobOut)
    @blp.doc(
        summary="Have a report made",
        description="In the background, for reports that are too large for one answer; `Location` is where it stands.",
        operationId="ask_report",
        requestBody=body_doc(schema.JobIn),
        parameters=[IDEMPOTENCY],
        responses=refusals(*UNREADABLE, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def ask() -> flask.Response:
        values, now_s = read(schema.JobIn(), read_json(), known), int(clock())

        def edit(connection: Connection) -> Made:
            made = sql.add(connection, values["query"], caller(), now_s)
            return Made(
                status=HTTPStatus.ACCEPTED, document=_spoken(sql.find(connection, made, caller()), keep_s)
            )  # fmt: skip

        made = once(desk.engine, request_name(), now_s, edit)
        response = answer(made.document, made.status)
        response.headers["Location"] = f"{ALL}/{made.document['id']}"
        return response

    @blp.route(ONE, methods=["DELETE"], endpoint="drop_job", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.NO_CONTENT)
    @blp.doc(
        summary="Forget a job",
        description="With its rows; one that is being made is given up.",
        operationId="drop_job",
        responses=refusals(HTTPStatus.NOT_FOUND),
    )
    def drop(job_id: str) -> flask.Response:
        with writing(desk.engine) as connection:
            sql.drop(connection, _found(connection, job_id)["id"])
        return flask.Response(status=HTTPStatus.NO_CONTENT)


def _add_watching(blp: Blueprint, desk: Desk, keep_s: int) -> None:
    @blp.route(ALL, methods=["GET"], endpoint="list_jobs")
    @requires(*READERS)
    @blp.arguments(PageQuery, location="query")
    @blp.response(HTTPStatus.OK, page_of(schema.JobOut, "JobPage"))
    @blp.doc(summary="List jobs", operationId="list_jobs")
    def list_(query: dict[str, Any]) -> flask.Response:
        limit = query["limit"]
        with reading(desk.engine) as connection:
            rows = sql.page(connection, caller(), query.get("cursor", 0), limit + 1)
        return answer({"items": [_spoken(row, keep_s) for row in rows[:limit]], "next": cursor_behind(rows, limit)})

    @blp.route(ONE, methods=["GET"], endpoint="read_job", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.OK, schema.JobOut)
    @blp.doc(summary="How far a job is", operationId="read_job", responses=refusals(HTTPStatus.NOT_FOUND))
    def read_one(job_id: str) -> flask.Response:
        with reading(desk.engine) as connection:
            return answer(_spoken(_found(connection, job_id), keep_s))


def _add_rows(blp: Blueprint, desk: Desk) -> None:
    @blp.route(f"{ONE}/rows", methods=["GET"], endpoint="read_job_rows", parameters=[PATH])
    @requires(*READERS)
    @blp.arguments(schema.RowsQuery, location="query")
    @blp.response(HTTPStatus.OK, schema.JobRows)
    @blp.doc(
        summary="A finished report, page by page",
        description="The rows stay as they were made. 409 while there are none yet.",
        operationId="read_job_rows",
        responses=refusals(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    )
    def rows(query: dict[str, Any], job_id: str) -> flask.Response:
        limit, first = query["limit"], query.get("cursor", 0)
        with reading(desk.engine) as connection:
            job = _finished(_found(connection, job_id))
            found = sql.rows(connection, job["id"], first, limit)
        behind = first + len(found)
        more = [{"id": behind}, {}] if behind < job["told"]["rows"] else []
        told = {name: job["told"][name] for name in ("totals", *STANDING, "definitions")}
        return answer({"rows": found, "next": cursor_behind(more, 1), **told})

    @blp.route(f"{ONE}/file", methods=["GET"], endpoint="read_job_file", parameters=[PATH])
    @requires(*READERS)
    @blp.response(HTTPStatus.OK, FILE)
    @blp.doc(
        summary="A finished report as a file",
        operationId="read_job_file",
        parameters=[FILE_FORMAT],
        responses=refusals(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
        | {"200": {"content": {name: CONTENT[name] for name in CONTENT if name != JSON}, "headers": TOLD}},
    )
    def file(job_id: str) -> flask.Response:
        format_ = flask.request.args.get("format", "")
        if format_ not in FORMATS or len(flask.request.args) > 1:
            raise Invalid([Mistake("?format", f"must be one of: {', '.join(FORMATS)}, and nothing beside it")])
        with reading(desk.engine) as connection:
            job = _finished(_found(connection, job_id))
            told = job["told"]
            report = Report(
                columns=tuple(told["columns"]), rows=list(sql.all_rows(connection, job["id"])),
                totals=told["totals"], definitions=told["definitions"],
            )  # fmt: skip
        standing = {name: told[name] for name in STANDING}
        return answered(report, standing, format_, job["query"].get("about") == FLAGS[1])


def _found(connection: Connection, job_id: str) -> sql.Row:
    return sql.find(connection, ids.parse("job", job_id), caller())


def _finished(job: sql.Row) -> sql.Row:
    if job["status"] == schema.FAILED:
        raise Conflict(f"it failed: {job['problem']}")
    if job["status"] != schema.DONE:
        raise Conflict(f"it is {job['status']}, {job['progress']:.0%} done; ask again")
    return job


def _spoken(row: sql.Row, keep_s: int) -> dict[str, Any]:
    document: dict[str, Any] = schema.JobOut().dump(
        row
        | {
            "id": ids.public("job", row["id"]),
            "created_at": row["created_at_s"],
            "finished_at": row["finished_at_s"],
            "kept_until": row["created_at_s"] + keep_s,
            "rows": row["told"]["rows"] if row["told"] else None,
        }
    )
    return document
