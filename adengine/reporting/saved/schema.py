"""What may be sent and what is answered for a saved report, its schedule and its links. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from adengine.catalog import ids
from adengine.catalog.documents import Document
from adengine.catalog.fields import Bounded, Choice, Instant, Line, Patterned, Strict, Whole, known
from adengine.errors import Invalid, Mistake
from adengine.reporting.dimensions import World
from adengine.reporting.paging import READ_BY
from adengine.reporting.query import FORMATS, FROM_TO, LATEST_S, PARAMETERS, parse
from adengine.reporting.saved import schedule
from adengine.reporting.schema import DeliveryOut
from adengine.texts.landing import check_landing_url

NAME_CHARS_MAX = 200
LINK_DAYS, LINK_DAYS_MAX = 30, 366
LISTS = frozenset({"filter"})
NAMES = tuple(parameter.name for parameter in PARAMETERS if parameter.name not in READ_BY)
"""What a query may hold; format and pages are chosen whenever it is read."""
_HTTP = re.compile(r"https?://[^/?#\s@]+([/?][^#\s]*)?", re.ASCII)
Query = Mapping[str, str | list[str]]


def given_of(query: Query) -> dict[str, list[str]]:
    """A query as the query string would give it."""
    return {name: [value] if isinstance(value, str) else list(value) for name, value in query.items()}


class ReportQuery(Bounded):
    """The parameters of the delivery report as an object."""

    described = {  # noqa: RUF012
        "type": "object",
        "additionalProperties": False,
        "properties": {
            parameter.name: {"type": "array", "items": {"type": "string"}, "description": parameter.definition}
            if parameter.name in LISTS
            else {"type": "string", "description": parameter.definition, "example": parameter.example}
            for parameter in PARAMETERS
            if parameter.name in NAMES
        },
        "example": {"period": "last_week", "group_by": "day,flight", "metrics": "impressions,clicks"},
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Query:  # noqa: ARG002
        if not isinstance(value, dict):
            raise ValidationError("must be an object, such as {'period': 'last_week', 'group_by': 'day'}")
        wrong: dict[str, list[str]] = {}
        for name, each in value.items():
            if name not in NAMES:
                wrong[name] = ["no such parameter"]
            elif name in LISTS and not (isinstance(each, list) and all(isinstance(one, str) for one in each)):
                wrong[name] = ["must be a list of texts"]
            elif name not in LISTS and not isinstance(each, str):
                wrong[name] = ["must be text"]
        right = {name: each for name, each in value.items() if name not in wrong}
        world = World(gazetteer=known().gazetteer, taxonomy=known().taxonomy, roles={}, names={})
        try:
            parse(given_of(right), world, LATEST_S)
        except Invalid as error:
            for mistake in error.mistakes:
                wrong.setdefault(mistake.pointer.removeprefix("?"), []).append(mistake.detail)
        if wrong:
            raise ValidationError(wrong)
        return right


class Webhook(Bounded):
    """A public https address; any of http too, where the operator says so."""

    described = {"type": "string", "format": "uri", "maxLength": 2048}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str):
            raise ValidationError("must be an https address")
        mistakes = [] if known().http_landing else check_landing_url(value, allow_http=False)
        if mistakes:
            raise ValidationError([mistake.detail for mistake in mistakes])
        if not _HTTP.fullmatch(value):
            raise ValidationError("must be an address such as https://hooks.example/reports")
        return value


class ScheduleIn(Strict):
    every = Choice(
        [row.name for row in schedule.EVERY],
        required=True,
        metadata={"description": "; ".join(f"{row.name}: {row.definition}" for row in schedule.EVERY)},
    )
    at = Patterned(
        r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        "a time of day such as 06:00",
        load_default="06:00",
        metadata={"description": "In the query's tz."},
    )
    format = Choice(FORMATS, load_default="csv")
    webhook = Webhook(
        load_default=None,
        allow_none=True,
        metadata={"description": "Where it is posted to, signed; null: it is written to the engine's folder."},
    )


class SavedIn(Document):
    name = Line(NAME_CHARS_MAX, required=True)
    query = ReportQuery(required=True)
    schedule = fields.Nested(ScheduleIn, load_default=None, allow_none=True)

    def judge(self, given: Mapping[str, Any], current: Mapping[str, Any] | None) -> list[Mistake]:
        whole = {**(current or {}), **given}
        query = whole.get("query") or {}
        if whole.get("schedule") and any(name in query for name in FROM_TO):
            return [Mistake("/query", "a report that is sent again and again needs a period instead of from and to")]
        return []


class SavedOut(Schema):
    id = fields.String(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    etag = fields.String(required=True)
    by = fields.String(required=True, metadata={"description": "The name of the key that made it."})
    name = fields.String(required=True)
    query = fields.Dict(required=True)
    schedule = fields.Dict(required=True, allow_none=True)
    next_at = Instant(required=True, allow_none=True, metadata={"description": "When it is sent next."})
    webhook_secret = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What posts are signed with (Standard Webhooks); null without a webhook."},
    )


class SharedOut(DeliveryOut):
    name = fields.String(required=True)
    expires_at = fields.String(required=True, metadata={"description": "Of the link."})


class SentOut(Schema):
    id = fields.String(required=True)
    due_at = Instant(required=True)
    delivered_at = Instant(required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    next_try_at = Instant(required=True, allow_none=True, metadata={"description": "Null: delivered, or given up."})
    target = fields.String(required=True, metadata={"description": "The file, or the address."})
    problem = fields.String(required=True, metadata={"description": "Of the last attempt; empty: none."})


class SentPage(Schema):
    items = fields.List(fields.Nested(SentOut), required=True)


class LinkIn(Document):
    days = Whole(1, LINK_DAYS_MAX, load_default=LINK_DAYS, metadata={"description": "How long it lasts."})


class LinkOut(Schema):
    id = fields.String(required=True)
    created_at = Instant(required=True)
    expires_at = Instant(required=True)
    by = fields.String(required=True)
    url = fields.String(required=True, metadata={"description": "The report's page; the token stands behind its #."})
    token = fields.String(required=True)


class LinkPage(Schema):
    items = fields.List(fields.Nested(LinkOut), required=True)


def path_id(noun: str) -> dict[str, Any]:
    """The OpenAPI description of an id in an address."""
    return {
        "name": f"{noun}_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": ids.pattern(noun)},
        "example": ids.public(noun, 1),
    }
