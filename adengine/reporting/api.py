"""GET /v1/reports/delivery: what was asked for, shown, seen, clicked and charged, in any grouping."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import flask
import orjson
from flask.views import MethodView
from marshmallow import Schema, fields
from sqlalchemy import Engine

from adengine.catalog.nouns import Key, Scope
from adengine.reporting import dimensions, metrics
from adengine.reporting.csv_safe import csv_text
from adengine.reporting.delivery import Report, question_of, report_of
from adengine.reporting.dimensions import Gazetteer, World
from adengine.reporting.load import load
from adengine.reporting.query import FORMATS, PARAMETERS, Parameter, parse
from adengine.topics import Taxonomy
from adengine.web import auth, instants
from adengine.web.openapi import Blueprint

CSV = "text/csv; charset=utf-8; header=present"


class DeliveryOut(Schema):
    rows = fields.List(fields.Dict(), required=True, metadata={"description": "One per group that has any counts."})
    totals = fields.Dict(required=True, metadata={"description": "The metrics over all rows."})
    as_of = fields.String(required=True, allow_none=True, metadata={"description": "All events up to then are in."})
    sealed_until = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "No hour before it changes any more."},
    )
    definitions = fields.Dict(required=True, metadata={"description": "What each column means."})


def blueprint(
    engine: Engine, gazetteer: Gazetteer, taxonomy: Taxonomy, *, clock: Callable[[], float] = time.time
) -> Blueprint:
    """clock: epoch s, for the default period."""
    blp = Blueprint("reports", __name__, description="What was delivered.")
    world = World(gazetteer=gazetteer, taxonomy=taxonomy, roles={}, names={})

    @blp.route("/v1/reports/delivery")
    class Delivery(MethodView):
        @auth.requires(Scope.REPORT, Scope.MANAGE, Scope.ADVERTISE)
        @blp.doc(parameters=[_described(parameter) for parameter in PARAMETERS])
        @blp.response(200, DeliveryOut, content_type="application/json")
        @blp.alt_response(200, schema={"type": "string"}, content_type=CSV, description="The report; CSV if asked for.")
        def get(self) -> flask.Response:
            """The delivery report. Advertisers see their own flights, keys of a site that site."""
            asked = parse(flask.request.args.to_dict(flat=False), world, int(clock()))
            key: Key = flask.g.key
            question = question_of(asked, advertiser=key.advertiser, site=key.site)
            loaded = load(engine, question)
            report = report_of(asked, question, loaded.parts, replace(world, roles=loaded.roles, names=loaded.names))
            return _csv(report) if asked.format == "csv" else _json(report, loaded.as_of_s)

    return blp


def _json(report: Report, as_of_s: int) -> flask.Response:
    document = {
        "rows": report.rows,
        "totals": report.totals,
        "as_of": instants.spelled(as_of_s) if as_of_s else None,
        "sealed_until": None,
        "definitions": report.definitions,
    }
    return _private(flask.Response(orjson.dumps(document), content_type="application/json"))


def _csv(report: Report) -> flask.Response:
    answer = flask.Response(csv_text(report.columns, report.rows), content_type=CSV)
    answer.headers["Content-Disposition"] = 'attachment; filename="delivery.csv"'
    return _private(answer)


def _private(answer: flask.Response) -> flask.Response:
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _described(parameter: Parameter) -> dict[str, Any]:
    return {
        "in": "query",
        "name": parameter.name,
        "description": parameter.definition,
        "schema": _schema(parameter.name),
        "example": [parameter.example] if parameter.name == "filter" else parameter.example,
    }


def _schema(name: str) -> dict[str, Any]:
    match name:
        case "group_by":
            return {"type": "string", "pattern": rf"^({_listed(dimensions.BY_NAME)}|\s*)$"}
        case "metrics":
            return {"type": "string", "pattern": f"^{_listed(metrics.BY_NAME)}$"}
        case "filter":
            return {"type": "array", "items": {"type": "string", "pattern": f"^({'|'.join(_FILTERED)}):"}}
        case "format":
            return {"type": "string", "enum": list(FORMATS)}
        case "from" | "to":
            return {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
    return {"type": "string"}


_FILTERED = [row.name for row in dimensions.DIMENSIONS if row.wanted is not None]


def _listed(names: Iterable[str]) -> str:
    """The regular expression of one or more of `names`, comma-separated."""
    one = rf"\s*({'|'.join(names)})\s*"
    return f"{one}(,{one})*"
