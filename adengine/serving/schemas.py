"""What the answers of this slice look like, for the OpenAPI document. Pure; `answer` and `explain` build the values."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from adengine.catalog.nouns import Tier
from adengine.serving.reasons import NAMES

LEVELS = {
    "L2": "The store is away: capped flights follow their cap_on_outage, nothing is held.",
    "L3": "The database is away: the last good catalogue serves.",
    "L4": "There is no catalogue at all, or the engine failed: every slot is empty.",
}
_PROBLEM = "Why the slot is empty or holds a house line; null beside a sponsor's line."


class FillVariantOut(Schema):
    role = fields.String(required=True)
    text = fields.String(required=True)
    chars = fields.Integer(required=True, metadata={"description": "Grapheme clusters."})
    cells = fields.Integer(required=True, metadata={"description": "Terminal cells."})
    width_em = fields.Float(required=True, metadata={"description": "Advance width in the slot's font, without label."})


class ShownOut(Schema):
    id = fields.String(required=True)
    version = fields.Integer(required=True)
    advertiser = fields.String(required=True, metadata={"description": "Its name."})
    campaign = fields.String(required=True)
    flight = fields.String(required=True)
    tier = fields.String(required=True, validate=validate.OneOf([tier.name.lower() for tier in Tier]))


class CandidateOut(Schema):
    creative = fields.String(required=True)
    version = fields.Integer(required=True)
    flight = fields.String(required=True)
    advertiser = fields.String(required=True)
    tier = fields.String(required=True)
    priority = fields.Integer(required=True)
    score = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Its chance to be drawn first in its tier and priority; null if refused before."},
    )
    reason = fields.String(required=True, allow_none=True, metadata={"description": "Null for the one standing here."})
    detail = fields.String(required=True, allow_none=True, metadata={"description": "The dimension or the cap."})


class SlotExplainedOut(Schema):
    topics = fields.List(fields.String(), required=True)
    candidates = fields.Integer(required=True, metadata={"description": "Σ refused, and the one that stands here."})
    refused = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    list = fields.List(fields.Nested(CandidateOut), required=True)


class FilledOut(Schema):
    id = fields.String(required=True)
    slot = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["filled", "empty"]))
    reason = fields.String(
        required=True, allow_none=True, validate=validate.OneOf([*NAMES, None]), metadata={"description": _PROBLEM}
    )
    html = fields.String(required=True)
    creative = fields.Nested(ShownOut, metadata={"description": "This and all below: only when filled."})
    label = fields.String()
    text = fields.String(metadata={"description": "The longest variant that fits the limits of the request."})
    chosen = fields.String(metadata={"description": "Its role."})
    variants = fields.List(fields.Nested(FillVariantOut), metadata={"description": "All of them, shortest first."})
    click_url = fields.String()
    impression_url = fields.String()
    viewable_url = fields.String()
    expires_at = fields.String(metadata={"description": "An impression reported later does not count."})
    explain = fields.Nested(SlotExplainedOut, allow_none=True)


class UsedPlaceOut(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    path = fields.List(fields.String(), required=True)


class PageExplainedOut(Schema):
    site = fields.String(required=True)
    place = fields.Nested(UsedPlaceOut, required=True, allow_none=True)
    place_status = fields.String(required=True)
    topics = fields.List(fields.String(), required=True)
    unknown_topics = fields.List(fields.String(), required=True)


class FillOut(Schema):
    request_id = fields.String(required=True)
    degraded = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([*LEVELS, None]),
        metadata={"description": " ".join(f"{level}: {meaning}" for level, meaning in LEVELS.items())},
    )
    fills = fields.List(fields.Nested(FilledOut), required=True, metadata={"description": "One per slot, in order."})
    explain = fields.Nested(PageExplainedOut)


class ImpressionOut(Schema):
    creative = fields.String(required=True)
    flight = fields.String(required=True)
    campaign = fields.String(required=True)
    advertiser = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["shown", "held"]))
    at = fields.String(required=True, metadata={"description": "When it was shown, or until when it is held."})


class LifetimeOut(Schema):
    flight = fields.String(required=True, metadata={"description": "The flight that counts."})
    per = fields.String(required=True)
    id = fields.String(required=True)
    impressions = fields.Integer(required=True)


class ReaderOut(Schema):
    impressions = fields.List(fields.Nested(ImpressionOut), required=True)
    lifetimes = fields.List(fields.Nested(LifetimeOut), required=True)


class ForgottenOut(Schema):
    forgotten = fields.Boolean(required=True, metadata={"description": "False: there was nothing."})
