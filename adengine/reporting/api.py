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

from adengine.catalog.known import Known
from adengine.catalog.nouns import Key, Scope
from adengine.errors import Invalid, Mistake
from adengine.places import Gazetteer
from adengine.reporting import dimensions, metrics, why_empty
from adengine.reporting.adjustments import api as adjustments
from adengine.reporting.delivery import Report, question_of, report_of
from adengine.reporting.dimensions import World
from adengine.reporting.files import FORMATS
from adengine.reporting.load import Loaded, Source, load, of_rollups
from adengine.reporting.query import FORMATS as FORMAT_NAMES
from adengine.reporting.query import PARAMETERS, SOURCES, Asked, Parameter, parse
from adengine.reporting.reach import api as reach
from adengine.reporting.why_empty import Advice
from adengine.topics import Taxonomy
from adengine.web import auth, instants
from adengine.web.openapi import Blueprint

FILE = {"type": "string", "description": "The report's rows, if `format` asks for a file."}


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


CONTENT = {
    "application/json": {"schema": DeliveryOut},
    **{row.media_type: {"schema": FILE} for row in FORMATS.values()},
}


def blueprint(
    engine: Engine,
    gazetteer: Gazetteer,
    taxonomy: Taxonomy,
    *,
    advice: Advice,
    small_cells: int = 0,
    events: Source | None = None,
    clock: Callable[[], float] = time.time,
) -> Blueprint:
    """advice: on reasons of empty slots.  small_cells: as `report_of` takes it.  events: None: they are not kept.

    clock: epoch s, for the default period.
    """
    blp = Blueprint("reports", __name__, description="What was delivered.")
    world = World(gazetteer=gazetteer, taxonomy=taxonomy, roles={}, names={})

    def reported(asked: Asked) -> tuple[Report, Loaded]:
        """What is asked for, within what the caller's key may see."""
        key: Key = flask.g.key
        question = question_of(asked, advertiser=key.advertiser, site=key.site)
        loaded = load(engine, question, _source(asked.source, events))
        there = replace(world, roles=loaded.roles, names=loaded.names)
        return report_of(asked, question, loaded.parts, there, small_cells), loaded

    @blp.route("/v1/reports/delivery")
    class Delivery(MethodView):
        @auth.requires(Scope.REPORT, Scope.MANAGE, Scope.ADVERTISE)
        @blp.doc(parameters=[_described(parameter) for parameter in PARAMETERS])
        @blp.response(200, DeliveryOut, content_type="application/json")
        @blp.doc(responses={"200": {"content": CONTENT}})
        def get(self) -> flask.Response:
            """The delivery report. Advertisers see their own flights, keys of a site that site."""
            asked = parse(flask.request.args.to_dict(flat=False), world, int(clock()))
            report, loaded = reported(asked)
            return _json(report, loaded) if asked.format == "json" else _file(report, asked.format)

    @blp.route("/v1/reports/why-empty")
    class WhyEmpty(MethodView):
        @auth.requires(Scope.REPORT, Scope.MANAGE)
        @blp.doc(parameters=[_described(each) for each in PARAMETERS if each.name in why_empty.PARAMETERS])
        @blp.response(200, why_empty.WhyEmptyOut)
        def get(self) -> flask.Response:
            """Slots without a sponsor, the reasons and what would change them, and what caps have cost."""
            given = flask.request.args.to_dict(flat=False)
            strange = [Mistake(f"?{name}", "no such parameter") for name in given if name not in why_empty.PARAMETERS]
            if strange:
                raise Invalid(strange)
            now_s = int(clock())
            slots, loaded = reported(parse(given | why_empty.SLOTS, world, now_s))
            caps, _ = reported(parse(given | why_empty.CAPS, world, now_s))
            document = why_empty.why_empty(slots.rows, caps.rows, advice) | _standing(loaded)
            return _private(flask.Response(orjson.dumps(document), content_type="application/json"))

    reach.add_routes(blp, engine)
    adjustments.add_routes(blp, engine, Known(gazetteer=gazetteer, taxonomy=taxonomy), clock)
    return blp


def _source(name: str, events: Source | None) -> Source:
    if name == "rollup":
        return of_rollups
    if events is None:
        sentence = "events are not kept here: the setting ADENGINE_EVENTS_KEEP_DAYS is 0; leave `source` away"
        raise Invalid([Mistake("?source", sentence)])
    return events


def _standing(loaded: Loaded) -> dict[str, str | None]:
    return {
        "as_of": instants.spelled(loaded.as_of_s) if loaded.as_of_s else None,
        "sealed_until": instants.spelled(loaded.sealed_until_s) if loaded.sealed_until_s is not None else None,
    }


def _json(report: Report, loaded: Loaded) -> flask.Response:
    document = {
        "rows": report.rows,
        "totals": report.totals,
        **_standing(loaded),
        "definitions": dict(report.definitions) | ({"source": loaded.said} if loaded.said else {}),
    }
    return _private(flask.Response(orjson.dumps(document), content_type="application/json"))


def _file(report: Report, name: str) -> flask.Response:
    answer = flask.Response(FORMATS[name].body(report), content_type=FORMATS[name].media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="delivery.{name}"'
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
            return {"type": "string", "enum": list(FORMAT_NAMES)}
        case "source":
            return {"type": "string", "enum": list(SOURCES)}
        case "from" | "to":
            return {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}
    return {"type": "string"}


_FILTERED = [row.name for row in dimensions.DIMENSIONS if row.wanted is not None]


def _listed(names: Iterable[str]) -> str:
    """The regular expression of one or more of `names`, comma-separated."""
    one = rf"\s*({'|'.join(names)})\s*"
    return f"{one}(,{one})*"
