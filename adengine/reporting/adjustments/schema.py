"""What may be sent and what is answered for an adjustment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from adengine.catalog import ids
from adengine.catalog.documents import Document
from adengine.catalog.fields import Bounded, Instant, Line, Whole
from adengine.counting.metrics import Metric
from adengine.counting.seals import HOUR_S
from adengine.errors import Mistake

N_MAX = 10**12
NOTE_CHARS_MAX = 500
COUNTS = {"impressions": Metric.IMPRESSION, "viewable": Metric.VIEWABLE, "clicks": Metric.CLICK}
"""What can be corrected, and as what it is stored."""
SPEND = "spend_micros"


class FlightId(Bounded):
    """Of any flight, archived ones among them."""

    described = {"type": "string", "pattern": ids.pattern("flight"), "example": ids.public("flight", 1)}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        id_ = ids.parse("flight", value) if isinstance(value, str) else None
        if id_ is None:
            raise ValidationError(f"must be the id of a flight, such as {ids.public('flight', 1)}")
        return id_

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:  # noqa: ARG002
        return ids.public("flight", value)


def _count(description: str) -> Whole:
    return Whole(-N_MAX, N_MAX, load_default=0, metadata={"description": description})


class AdjustmentIn(Document):
    flight = FlightId(required=True)
    hour = Instant(required=True, metadata={"description": "Any moment of a sealed hour."})
    impressions = _count("Added to the hour's; below zero it is taken away.")
    viewable = _count("The same.")
    clicks = _count("The same.")
    spend_micros = _count("The same, in millionths of the campaign's currency.")
    note = Line(
        NOTE_CHARS_MAX,
        required=True,
        metadata={"description": "Why; kept for good, the figures as long as the hour's sums."},
    )

    def judge(self, given: Mapping[str, Any], current: Mapping[str, Any] | None) -> list[Mistake]:  # noqa: ARG002
        amounts = [given.get(name) for name in (*COUNTS, SPEND)]
        if None not in amounts and not any(amounts):
            return [Mistake("", f"changes nothing; give one of {', '.join((*COUNTS, SPEND))}")]
        return []


class AdjustmentOut(Schema):
    id = fields.String(required=True)
    created_at = Instant(required=True)
    kind = fields.String(required=True, metadata={"enum": ["late", "made"]})
    by = fields.String(required=True, metadata={"description": "The name of the key; empty: the engine."})
    note = fields.String(required=True)
    hours = fields.List(Instant(), required=True, metadata={"description": "The hours that it changes."})
    flights = fields.List(FlightId(), required=True)
    impressions = fields.Integer(required=True)
    viewable = fields.Integer(required=True)
    clicks = fields.Integer(required=True)
    spend_micros = fields.Integer(required=True)


def hour_of(at_s: int) -> int:
    return at_s - at_s % HOUR_S
