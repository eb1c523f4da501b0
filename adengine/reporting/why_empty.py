"""Which slots held no sponsor, why, and what would change it, out of two delivery reports. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields

SLOTS = {"group_by": ["slot,reason"], "metrics": ["requests,fills,empty"]}
CAPS = {"group_by": ["campaign,flight,reason"], "metrics": ["capped"]}
"""What the two reports are asked for, beside the caller's period and filters."""
PARAMETERS = ("from", "to", "tz", "filter")
Row = dict[str, Any]
Advice = Mapping[str, tuple[str, str]]
"""Reason -> (a sentence for a person who asks why, what would change it)."""


DEFINITIONS = {
    "requests": "Slots that pages asked for.",
    "unsold": "Those without a sponsor: they held nothing, or a house line.",
    "unsold_share": "unsold / requests; null without any.",
    "empty": "Those that held nothing for this reason.",
    "house": "Those in which a house line stood in for this reason.",
    "share": "empty + house, of the slot's requests.",
    "refused": "Times that this cap kept the flight out of a slot; another sponsor may have stood there instead.",
}


class ReasonOut(Schema):
    reason = fields.String(required=True)
    sentence = fields.String(required=True, allow_none=True)
    remedy = fields.String(required=True, allow_none=True)
    empty = fields.Integer(required=True, metadata={"description": "Slots that held nothing."})
    house = fields.Integer(required=True, metadata={"description": "Slots in which a house line stood in."})
    share = fields.Float(required=True, metadata={"description": "Both, of the slot's requests."})


class SlotOut(Schema):
    slot = fields.String(required=True, allow_none=True)
    slot_name = fields.String(required=True, allow_none=True)
    requests = fields.Integer(required=True)
    unsold = fields.Integer(required=True, metadata={"description": "Empty, or held by a house line."})
    reasons = fields.List(fields.Nested(ReasonOut), required=True, metadata={"description": "Most frequent first."})


class CapOut(Schema):
    campaign = fields.String(required=True, allow_none=True)
    campaign_name = fields.String(required=True, allow_none=True)
    flight = fields.String(required=True, allow_none=True)
    cap = fields.String(required=True, metadata={"description": "Its level and window."})
    refused = fields.Integer(required=True, metadata={"description": "Times that it kept the flight out of a slot."})


class WhyEmptyOut(Schema):
    requests = fields.Integer(required=True)
    unsold = fields.Integer(required=True)
    unsold_share = fields.Float(required=True, allow_none=True)
    slots = fields.List(fields.Nested(SlotOut), required=True, metadata={"description": "Most unsold first."})
    caps = fields.List(fields.Nested(CapOut), required=True, metadata={"description": "Those that cost most first."})
    as_of = fields.String(required=True, allow_none=True)
    sealed_until = fields.String(required=True, allow_none=True)
    definitions = fields.Dict(required=True, metadata={"description": "What each count means."})


def why_empty(slots: Sequence[Row], caps: Sequence[Row], advice: Advice) -> Row:
    """slots, caps: rows of the reports `SLOTS` and `CAPS`."""
    by_slot: dict[tuple[Any, Any], list[Row]] = defaultdict(list)
    for row in slots:
        by_slot[row["slot"], row["slot_name"]].append(row)
    found = [_slot(slot, name, rows, advice) for (slot, name), rows in by_slot.items()]
    requests, unsold = (sum(each[name] for each in found) for name in ("requests", "unsold"))
    return {
        "requests": requests,
        "unsold": unsold,
        "unsold_share": unsold / requests if requests else None,
        "slots": sorted(found, key=lambda each: (-each["unsold"], each["slot"] or "")),
        "caps": [
            {
                "campaign": row["campaign"], "campaign_name": row["campaign_name"], "flight": row["flight"],
                "cap": row["reason"], "refused": row["capped"],
            }
            for row in sorted(caps, key=lambda row: (-row["capped"], row["flight"] or ""))
            if row["capped"]
        ],
        "definitions": DEFINITIONS,
    }  # fmt: skip


def _slot(slot: str | None, name: str | None, rows: Sequence[Row], advice: Advice) -> Row:
    requests = sum(row["requests"] for row in rows)
    reasons = []
    for row in rows:
        if row["reason"] is not None:
            sentence, remedy = advice.get(row["reason"], (None, None))
            unsold = row["empty"] + row["fills"]
            reasons.append(
                {
                    "reason": row["reason"], "sentence": sentence, "remedy": remedy, "empty": row["empty"],
                    "house": row["fills"], "share": unsold / requests if requests else 0.0,
                }
            )  # fmt: skip
    reasons.sort(key=lambda each: (-each["empty"] - each["house"], each["reason"]))
    unsold = sum(each["empty"] + each["house"] for each in reasons)
    return {"slot": slot, "slot_name": name, "requests": requests, "unsold": unsold, "reasons": reasons}
