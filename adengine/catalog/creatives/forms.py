"""Queries and answers of a creative's further routes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields

from adengine.catalog.fields import Bounded, Choice, Line, Strict
from adengine.catalog.nouns import Variant
from adengine.catalog.paging import Flag
from adengine.texts import FONT_CLASSES, longest_that_fits, measure, shown_label
from adengine.texts.lines import LENGTH_MAX

WIDTHS_MAX = 50
WIDTH_PX_MAX = 10_000
WIDTHS_DEFAULT = (320, 480, 640, 800, 1024, 1280)


class ImportQuery(Strict):
    dry_run = Flag(load_default=False, metadata={"description": "Judge every row, store none."})
    atomic = Flag(load_default=False, metadata={"description": "Store all rows or none."})


class MistakeIn(Schema):
    pointer = fields.String(required=True)
    detail = fields.String(required=True)


class VerdictOut(Schema):
    row = fields.Integer(required=True)
    line = fields.Integer(required=True, metadata={"description": "Where the row begins in the file."})
    status = fields.String(required=True, metadata={"enum": ["accepted", "rejected"]})
    id = fields.String(required=True, allow_none=True)
    errors = fields.List(fields.Nested(MistakeIn), required=True)


class ImportOut(Schema):
    dry_run = fields.Boolean(required=True)
    atomic = fields.Boolean(required=True)
    rows = fields.Integer(required=True)
    accepted = fields.Integer(required=True)
    rejected = fields.Integer(required=True, metadata={"description": "accepted + rejected = rows, always."})
    results = fields.List(fields.Nested(VerdictOut), required=True)


class Widths(Bounded):
    described = {  # noqa: RUF012
        "type": "string",
        "pattern": r"^[1-9][0-9]{0,4}(,[1-9][0-9]{0,4})*$",
        "description": f"Pixels, with commas between; at most {WIDTHS_MAX}, each at most {WIDTH_PX_MAX}.",
        "example": "320,640",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[int, ...]:  # noqa: ARG002
        words = value.split(",")
        sound = all(word.isascii() and word.isdigit() and len(word) <= 5 for word in words) and len(words) <= WIDTHS_MAX
        widths = tuple(map(int, words)) if sound else ()
        if not widths or not all(0 < width <= WIDTH_PX_MAX for width in widths):
            raise ValidationError(f"must be 1 to {WIDTHS_MAX} whole numbers up to {WIDTH_PX_MAX} with commas between")
        return widths


class FontPx(Bounded):
    described = {"type": "integer", "minimum": 6, "maximum": 200}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002
        if not (value.isascii() and value.isdigit() and len(value) <= 3 and 6 <= int(value) <= 200):
            raise ValidationError("must be a whole number from 6 to 200")
        return int(value)


class PreviewQuery(Strict):
    widths = Widths(load_default=WIDTHS_DEFAULT)
    font_px = FontPx(load_default=16)
    font = Choice(FONT_CLASSES, load_default="system-ui")
    label = Line(LENGTH_MAX["brand"], load_default="Sponsor")


class LineOut(Schema):
    width_px = fields.Integer(required=True)
    role = fields.String(required=True, allow_none=True, metadata={"description": "null: not even the shortest fits."})
    text = fields.String(required=True, allow_none=True, metadata={"description": "As shown, label included."})


class PreviewOut(Schema):
    version = fields.Integer(required=True)
    lines = fields.List(fields.Nested(LineOut), required=True)


def previewed(row: Mapping[str, Any], query: Mapping[str, Any]) -> dict[str, Any]:
    """The line shown at each width.  row: a creative with its text."""
    label = shown_label(query["label"])
    label_em = measure(label).width_em
    variants = [Variant(**variant) for variant in row["variants"]]
    lines = []
    for width_px in query["widths"]:
        fits = longest_that_fits(
            variants,
            label=query["label"],
            label_em=label_em,
            font=query["font"],
            font_px=query["font_px"],
            max_width_px=width_px,
        )
        shown = None if fits is None else variants[fits]
        lines.append(
            {
                "width_px": width_px,
                "role": None if shown is None else shown.role,
                "text": None if shown is None else label + shown.text,
            }
        )
    return {"version": row["version"], "lines": lines}
