"""POST /v1/reports/reconcile: a third party's counts beside ours, and where the gap comes from."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import flask
import orjson
from marshmallow import Schema, fields
from werkzeug.exceptions import UnsupportedMediaType

from adengine.catalog import ids
from adengine.catalog.manners.api import UNREADABLE, caller, refusals
from adengine.catalog.nouns import Scope
from adengine.errors import Invalid, Mistake
from adengine.reporting.load import Desk, standing_of
from adengine.reporting.manners.api import private
from adengine.reporting.query import zone_of
from adengine.reporting.reconcile import sql
from adengine.reporting.reconcile.compare import CAUSES, Comparison, Line, compared, period_of
from adengine.reporting.reconcile.uploads import Upload, read_upload
from adengine.store.sql import reading
from adengine.web.auth import requires
from adengine.web.body import read_bytes
from adengine.web.openapi import Blueprint

CSV = "text/csv"
TZ = {
    "in": "query",
    "name": "tz",
    "schema": {"type": "string"},
    "description": "IANA zone of their days; by default UTC.",
    "example": "America/Chicago",
}


class ReconcileOut(Schema):
    rows = fields.List(fields.Dict(), required=True, metadata={"description": "One per day, thing and count."})
    totals = fields.Dict(required=True, metadata={"description": "By count: theirs, ours, gap and its causes."})
    days_begin = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The offset by which their days seem to begin; null: as you said."},
    )
    as_of = fields.String(required=True, allow_none=True, metadata={"description": "All of our events up to then."})
    sealed_until = fields.String(required=True, allow_none=True, metadata={"description": "No hour before it changes."})
    definitions = fields.Dict(required=True)


def add_routes(blp: Blueprint, desk: Desk) -> None:
    @blp.route("/v1/reports/reconcile", methods=["POST"], endpoint="reconcile")
    @requires(Scope.REPORT, Scope.MANAGE, Scope.ADVERTISE)
    @blp.response(HTTPStatus.OK, ReconcileOut)
    @blp.doc(
        summary="Compare a third party's counts with ours",
        description="CSV with the columns day, one of flight, campaign and creative, and impressions or clicks or "
        "both. Nothing of it is kept.",
        operationId="reconcile",
        parameters=[TZ],
        requestBody={"required": True, "content": {CSV: {"schema": {"type": "string"}}}},
        responses=refusals(*UNREADABLE, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def reconcile() -> flask.Response:
        zone = _zone()
        if flask.request.mimetype != CSV:
            raise UnsupportedMediaType(f"send the file with Content-Type: {CSV}")
        upload = read_upload(read_bytes())
        things = sorted({row.thing for row in upload.rows})
        with reading(desk.engine) as connection:
            there = sql.there(connection, upload.noun, things, caller().advertiser)
            ours = sql.ours(connection, upload.noun, there, period_of(upload, zone), caller().site)
            standing = standing_of(connection).told()
        document = _document(upload, compared(upload, ours, there, zone)) | standing
        return private(flask.Response(orjson.dumps(document), content_type="application/json"))


def _zone() -> ZoneInfo:
    mistakes = [Mistake(f"?{name}", "no such parameter") for name in flask.request.args if name != TZ["name"]]
    zone = zone_of(flask.request.args.get("tz", "UTC"), mistakes)
    if mistakes:
        raise Invalid(mistakes)
    return zone


def _document(upload: Upload, comparison: Comparison) -> dict[str, Any]:
    begins_s = comparison.begins_s
    return {
        "rows": [_spoken(upload.noun, line) for line in comparison.lines],
        "totals": {
            count: _total([line for line in comparison.lines if line.count == count]) for count in upload.counts
        },
        "days_begin": None if begins_s is None else _offset(begins_s),
        "definitions": {cause.name: cause.definition for cause in CAUSES},
    }


def _spoken(noun: str, line: Line) -> dict[str, Any]:
    return {
        "day": line.day.isoformat(), noun: ids.public(noun, line.thing), "count": line.count, "theirs": line.theirs,
        "ours": line.ours, "gap": line.gap, "causes": line.causes,
    }  # fmt: skip


def _total(lines: list[Line]) -> dict[str, Any]:
    causes: Counter[str] = Counter()
    for line in lines:
        causes.update(line.causes)
    ours = sum(line.ours for line in lines)
    gap = sum(line.gap for line in lines)
    return {
        "theirs": ours + gap, "ours": ours, "gap": gap, "gap_rate": round(gap / ours, 6) if ours else None,
        "causes": {name: n for name, n in causes.items() if n},
    }  # fmt: skip


def _offset(offset_s: int) -> str:
    sign = "-" if offset_s < 0 else "+"
    return f"UTC{sign}{abs(offset_s) // 3600:02d}:{abs(offset_s) % 3600 // 60:02d}"
