"""What a delivery report answers, as the OpenAPI document tells it. Pure."""

from __future__ import annotations

from marshmallow import Schema, fields


class DeliveryOut(Schema):
    rows = fields.List(fields.Dict(), required=True, metadata={"description": "One per group that has any counts."})
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The cursor of the next page, where `limit` was given; null: none."},
    )
    totals = fields.Dict(required=True, metadata={"description": "The metrics over all rows, of all pages."})
    as_of = fields.String(required=True, allow_none=True, metadata={"description": "All events up to then are in."})
    sealed_until = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "No hour before it changes any more."},
    )
    definitions = fields.Dict(
        required=True,
        metadata={
            "description": "What each column means; where there is anything to know, also `source` (of reports over "
            "events) and `flat_prices` (that they are left out)."
        },
    )
