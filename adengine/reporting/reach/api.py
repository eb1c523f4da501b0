"""GET /v1/reports/reach: how many readers, how often each, exactly."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import flask
from marshmallow import Schema, fields
from sqlalchemy import Engine

from adengine.catalog import ids
from adengine.catalog.manners.api import answer, caller, refusals
from adengine.catalog.nouns import Scope
from adengine.errors import Invalid, Mistake, NotFound
from adengine.reporting.load import standing_of
from adengine.reporting.reach import sql
from adengine.reporting.reach.sql import Reach
from adengine.store.sql import reading
from adengine.web.auth import requires
from adengine.web.openapi import Blueprint

FLIGHTS_MAX = 1_000
DEFINITIONS = {
    "reach": "Readers who were shown any of these flights at least once; each counts once, whichever of them he saw. "
    "A reader is a first-party key of one site; pages that send none reach nobody that is known.",
    "impressions": "Of these flights, all readers together.",
    "impressions_of_known": "Those of readers who are known: the sum of times * readers.",
    "average_frequency": "impressions_of_known / reach; null without any.",
    "frequency": "How many readers were shown them how many times.",
}
WHAT = [
    {
        "in": "query", "name": "campaign", "description": "All flights of this campaign.",
        "schema": {"type": "string", "pattern": ids.pattern("campaign")},
    },
    {
        "in": "query", "name": "flight", "description": "This flight; repeat it for several together.",
        "schema": {"type": "array", "items": {"type": "string", "pattern": ids.pattern("flight")}},
    },
]  # fmt: skip


class Times(Schema):
    times = fields.Integer(required=True)
    readers = fields.Integer(required=True)


class ReachOut(Schema):
    reach = fields.Integer(required=True)
    impressions = fields.Integer(required=True)
    impressions_of_known = fields.Integer(required=True)
    average_frequency = fields.Float(required=True, allow_none=True)
    frequency = fields.List(fields.Nested(Times), required=True)
    as_of = fields.String(required=True, allow_none=True, metadata={"description": "All events up to then are in."})
    sealed_until = fields.String(required=True, allow_none=True, metadata={"description": "No hour before it changes."})
    definitions = fields.Dict(required=True)


def add_routes(blp: Blueprint, engine: Engine) -> None:
    @blp.route("/v1/reports/reach", methods=["GET"], endpoint="reach")
    @requires(Scope.REPORT, Scope.MANAGE, Scope.ADVERTISE)
    @blp.response(HTTPStatus.OK, ReachOut)
    @blp.doc(
        summary="Reach and frequency",
        description="Of one campaign, or of one or more flights together. Exact; reaches of several cannot be added, "
        "because readers would count twice: ask for all of them at once.",
        operationId="reach",
        parameters=WHAT,
        responses=refusals(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def reach() -> flask.Response:
        campaign, wanted = _asked()
        with reading(engine) as connection:
            found = sql.flights_of(connection, campaign=campaign, wanted=wanted, owner=caller().advertiser)
            if not found or (campaign is None and len(found) < len(wanted)):
                raise NotFound("there is no such flight" if campaign is None else "there is no such campaign")
            return answer(_spoken(sql.reach_of(connection, found)) | standing_of(connection).told())


def _asked() -> tuple[int | None, list[int]]:
    """(campaign, flights); raises `Invalid` with every mistake."""
    given = flask.request.args.to_dict(flat=False)
    mistakes = [Mistake(f"?{name}", "no such parameter") for name in given if name not in ("campaign", "flight")]
    campaigns = [_id("campaign", text, mistakes) for text in given.get("campaign", ())]
    flights = [_id("flight", text, mistakes) for text in given.get("flight", ())]
    if len(campaigns) > 1:
        mistakes.append(Mistake("?campaign", "stands more than once"))
    if bool(campaigns) == bool(flights):
        mistakes.append(Mistake("?campaign", "give either a campaign or one or more flights"))
    if len(flights) > FLIGHTS_MAX:
        mistakes.append(Mistake("?flight", f"at most {FLIGHTS_MAX} flights"))
    if mistakes:
        raise Invalid(mistakes)
    return (campaigns[0] if campaigns else None), sorted(set(flights))


def _id(noun: str, text: str, mistakes: list[Mistake]) -> int:
    id_ = ids.parse(noun, text)
    if id_ is None:
        mistakes.append(Mistake(f"?{noun}", f"must be the id of a {noun}, such as {ids.public(noun, 1)}"))
    return id_ or 0


def _spoken(found: Reach) -> dict[str, Any]:
    known = sum(times * readers for times, readers in found.frequency)
    return {
        "reach": found.readers,
        "impressions": found.impressions,
        "impressions_of_known": known,
        "average_frequency": known / found.readers if found.readers else None,
        "frequency": [{"times": times, "readers": readers} for times, readers in found.frequency],
        "definitions": DEFINITIONS,
    }
