"""GET /v1/flights/<id>/pacing: how far a flight is with its goal, where it ought to be, and where it will end."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import flask
from marshmallow import Schema, fields
from sqlalchemy import Engine

from adengine.catalog import ids, sql
from adengine.catalog.collections import COLLECTIONS
from adengine.catalog.load import slots_of
from adengine.catalog.manners.api import PUBLIC_ID, answer, caller, found, path_id, refusals
from adengine.catalog.nouns import Flight
from adengine.catalog.rows import flight_of
from adengine.pacing import load
from adengine.pacing.forecast import profiles_of
from adengine.pacing.progress import Point, Progress, State, progress
from adengine.places import Gazetteer
from adengine.store.sql import reading
from adengine.topics import Taxonomy
from adengine.web import instants
from adengine.web.auth import requires
from adengine.web.openapi import Blueprint

FLIGHT = next(row for row in COLLECTIONS if row.noun == "flight")


class PointOut(Schema):
    at = fields.String(required=True)
    due = fields.Float(required=True, allow_none=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)
    delivered = fields.Integer(required=True, allow_none=True, metadata={"description": "null in the future."})


class BandOut(Schema):
    low = fields.Float(required=True)
    high = fields.Float(required=True)


class ProjectedOut(Schema):
    delivered = fields.Float(required=True, allow_none=True, metadata={"description": "By its end."})
    reaches_goal_at = fields.String(required=True, allow_none=True)


class PacingOut(Schema):
    flight = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": [state.value for state in State]})
    unit = fields.String(required=True, metadata={"description": "What is counted: impressions or clicks."})
    goal = fields.Integer(required=True, allow_none=True, metadata={"description": "In the unit, money by its price."})
    share = fields.Float(required=True, allow_none=True)
    pacing = fields.String(required=True)
    starts_at = fields.String(required=True)
    ends_at = fields.String(required=True, allow_none=True)
    delivered = fields.Integer(required=True)
    today = fields.Integer(required=True, metadata={"description": "Impressions since midnight."})
    daily_limit = fields.Integer(required=True, allow_none=True)
    due = fields.Float(required=True, allow_none=True, metadata={"description": "By the schedule, now."})
    band = fields.Nested(BandOut, required=True, allow_none=True)
    requests_left = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Slots that will ask and that its targeting admits, before caps and competitors."},
    )
    projected = fields.Nested(ProjectedOut, required=True)
    as_of = fields.String(required=True, allow_none=True, metadata={"description": "All events up to then are in."})
    points = fields.List(fields.Nested(PointOut), required=True)


def blueprint(
    engine: Engine, gazetteer: Gazetteer, taxonomy: Taxonomy, timezone: str, *, clock: Callable[[], float] = time.time
) -> Blueprint:
    """timezone: where flights' days begin.  clock: epoch s."""
    blp = Blueprint("pacing", __name__, description="How far flights are with their goals.")

    @blp.route(f"/v1/flights/<{PUBLIC_ID}>/pacing", methods=["GET"], parameters=[path_id(FLIGHT)])
    @requires(*FLIGHT.readers)
    @blp.response(HTTPStatus.OK, PacingOut)
    @blp.doc(
        summary="How far a flight is with its goal",
        description="Its schedule, what it delivered, the band that it is kept in, and where it will end.",
        operationId="flight_pacing",
        responses=refusals(HTTPStatus.NOT_FOUND),
    )
    def pacing_(public_id: str) -> flask.Response:
        now_s = int(clock())
        with reading(engine) as connection:
            row = found(connection, "flight", public_id)
            flight = flight_of(row, sql.find(connection, "campaign", row["campaign"], caller()))
            slots = slots_of(connection)
        totals = load.totals(engine, ZoneInfo(timezone), now_s)
        profile = profiles_of([flight], load.traffic(engine, slots, gazetteer, taxonomy, now_s), timezone)[0]
        told = progress(flight, totals.of(flight.id), load.curve(engine, flight.id), profile, now_s)
        return answer(_document(flight, told, totals.of(flight.id).today, totals.tau_s))

    return blp


def _document(flight: Flight, told: Progress, today: int, as_of_s: int) -> dict[str, Any]:
    unit, goal = flight.target or ("impressions", None)
    is_scheduled = told.low is not None and told.high is not None
    return {
        "flight": ids.public("flight", flight.id),
        "state": told.state.value,
        "unit": str(unit),
        "goal": goal,
        "share": flight.share,
        "pacing": flight.pacing,
        "starts_at": _spelled(flight.starts_at_s),
        "ends_at": _spelled(flight.ends_at_s),
        "delivered": told.delivered,
        "today": today,
        "daily_limit": flight.daily_limit,
        "due": _rounded(told.due),
        "band": {"low": _rounded(told.low), "high": _rounded(told.high)} if is_scheduled else None,
        "requests_left": _rounded(told.requests_left),
        "projected": {
            "delivered": _rounded(told.projected),
            "reaches_goal_at": _spelled(told.reaches_goal_at_s),
        },
        "as_of": _spelled(as_of_s or None),
        "points": [_point(point) for point in told.points],
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "at": _spelled(point.at_s),
        "due": _rounded(point.due),
        "low": _rounded(point.low),
        "high": _rounded(point.high),
        "delivered": point.delivered,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)


def _spelled(at_s: int | None) -> str | None:
    return None if at_s is None else instants.spelled(at_s)
