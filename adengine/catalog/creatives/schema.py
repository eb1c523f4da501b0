"""What may be sent and what is answered for a creative: one form for JSON and CSV alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from adengine.catalog.documents import Document
from adengine.catalog.fields import Bounded, Instant, Line, Number, Patterned, Ref, Strict, Whole, known
from adengine.catalog.nouns import State
from adengine.catalog.schemas import standing
from adengine.errors import Mistake
from adengine.texts import ascii_url, check_landing_url, check_variants, landing_remarks, measure
from adengine.texts.lines import BYTES_MAX, ROLE, VARIANTS_MAX

LANG_DEFAULT = "en"
URL_CHARS_MAX = 2048
REASON_CHARS_MAX = 1000
CATEGORIES_MAX = 20
TEXT_FIELDS = ("landing_url", "lang", "variants", "categories")
"""What a version holds; changing one of these is what review is about."""
STANDING_FIELDS = ("campaign", "weight")
"""What stands beside all versions."""
WEIGHT_MIN, WEIGHT_MAX = 0.001, 1000.0


class LandingUrl(Bounded):
    """Kept as it is sent in a Location header."""

    described = {"type": "string", "format": "uri", "maxLength": URL_CHARS_MAX}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if not isinstance(value, str):
            raise ValidationError("must be a URL in text")
        mistakes = check_landing_url(value, known().http_landing)
        if mistakes:
            raise ValidationError([mistake.detail for mistake in mistakes])
        return ascii_url(value)


class Category(Bounded):
    """A topic of the content taxonomy, kept as its id, or an id of IAB's Ad Product Taxonomy (1001 to 1999)."""

    described = {"type": "string", "example": "1366"}  # noqa: RUF012

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ARG002
        if (
            isinstance(value, str)
            and len(value) == 4
            and value.isascii()
            and value.isdigit()
            and "1001" <= value < "2000"
        ):
            return value
        topic = known().taxonomy.resolve(value) if isinstance(value, str) else None
        if topic is None:
            raise ValidationError("must be a topic's id, slug or name, or an id of IAB's Ad Product Taxonomy")
        return topic.id


class Text(fields.String):
    """Text whose letters `check_variants` judges with its neighbours."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("must be text")
        return super()._deserialize(value, attr, data, **kwargs)


class VariantIn(Strict):
    role = Text(required=True, metadata={"pattern": f"^{ROLE.pattern}$", "example": "brand"})
    text = Text(required=True, metadata={"minLength": 1, "maxLength": BYTES_MAX, "example": "QWIKET"})


class CreativeIn(Document):
    fixed = ("campaign",)

    campaign = Ref("campaign", required=True)
    landing_url = LandingUrl(required=True)
    lang = Patterned(
        r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$", "a BCP 47 tag, such as en or pt-BR", load_default=LANG_DEFAULT
    )
    variants = fields.List(
        fields.Nested(VariantIn),
        required=True,
        validate=validate.Length(1, VARIANTS_MAX),
        metadata={"description": "The same message in growing widths; the first is the brand alone."},
    )
    categories = fields.List(Category(), load_default=list, validate=validate.Length(max=CATEGORIES_MAX))
    weight = Number(
        WEIGHT_MIN,
        WEIGHT_MAX,
        load_default=1.0,
        metadata={
            "description": "How often it is shown beside its siblings, where the campaign's rotation is weighted."
        },
    )

    def judge(self, given: Mapping[str, Any], current: Mapping[str, Any] | None) -> list[Mistake]:
        if "variants" not in given:
            return []
        lang = given.get("lang") or (current or {}).get("lang") or LANG_DEFAULT
        return list(_checked(_pairs(given["variants"]), lang)[0])


class VariantOut(Schema):
    role = fields.String(required=True)
    text = fields.String(required=True)
    chars = fields.Integer(required=True, metadata={"description": "Grapheme clusters."})
    cells = fields.Integer(required=True, metadata={"description": "East Asian wide characters count two."})
    width_em = fields.Dict(keys=fields.String(), values=fields.Float(), required=True)


class RemarkOut(Schema):
    pointer = fields.String(required=True)
    detail = fields.String(required=True)


class ReviewOut(Schema):
    state = fields.String(required=True, validate=validate.OneOf([state.value for state in State]))
    submitted_at = Instant(required=True, allow_none=True, attribute="submitted_at_s")
    decided_at = Instant(required=True, allow_none=True, attribute="decided_at_s")
    reason = fields.String(required=True, allow_none=True)


CreativeOut = Schema.from_dict(
    standing("creative")
    | {
        "campaign": Ref("campaign", required=True),
        "status": fields.String(
            required=True, metadata={"description": "draft, pending, approved, rejected or paused."}
        ),
        "version": Whole(1, 2**16, required=True, metadata={"description": "The newest; its text stands here."}),
        "serving_version": Whole(1, 2**16, required=True, allow_none=True),
        "review": fields.Nested(ReviewOut, required=True),
        "landing_url": fields.String(required=True),
        "lang": fields.String(required=True),
        "variants": fields.List(fields.Nested(VariantOut), required=True),
        "categories": fields.List(fields.String(), required=True),
        "weight": fields.Float(required=True),
        "warnings": fields.List(fields.Nested(RemarkOut), required=True),
    },
    name="Creative",
)


class RejectIn(Document):
    reason = Line(REASON_CHARS_MAX, required=True, metadata={"description": "For the advertiser."})


class EmptyIn(Document):
    """Nothing needs saying."""


def drafted(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of the checked values of a new creative.

    Measuring takes a millisecond; for many creatives do it before the transaction, for other edits wait for that.
    """
    return {name: values[name] for name in STANDING_FIELDS} | text_of(values)


def text_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a version for checked values of all `TEXT_FIELDS`: measured, with the remarks for its reviewer."""
    pairs = _pairs(values["variants"])
    remarks = (*landing_remarks(values["landing_url"]), *_checked(pairs, values["lang"])[1])
    return {
        "landing_url": values["landing_url"],
        "lang": values["lang"],
        "variants": [{"role": role, "text": text, **_measured(text)} for role, text in pairs],
        "categories": values["categories"],
        "warnings": [{"pointer": remark.pointer, "detail": remark.detail} for remark in remarks],
    }


def says_the_same(stored: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether the given `TEXT_FIELDS` are what a stored version holds; then there is nothing to review."""
    lines = "variants" not in given or _pairs(given["variants"]) == _pairs(stored["variants"])
    return lines and all(stored[name] == value for name, value in given.items() if name != "variants")


def _pairs(variants: Sequence[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((variant["role"], variant["text"]) for variant in variants)


@lru_cache(maxsize=64)
def _checked(pairs: tuple[tuple[str, str], ...], lang: str) -> tuple[tuple[Mistake, ...], tuple[Mistake, ...]]:
    """(mistakes, remarks); kept for a moment, because what `judge` let pass is stored right after."""
    mistakes, remarks = check_variants(pairs, locale=lang)
    return tuple(mistakes), tuple(remarks)


def _measured(text: str) -> dict[str, Any]:
    size = measure(text)
    return {"chars": size.chars, "cells": size.cells, "width_em": dict(size.width_em)}
