"""GET /v1/places: what a place means to the engine, for people and programs. Open to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from adengine.places.gazetteer import Gazetteer
from adengine.places.nouns import Kind, Status
from adengine.places.query import CHARS_MAX, NAMES, POINT
from adengine.places.sources import ATTRIBUTION, SOURCES

CANDIDATES_MAX = 20
_ONE = "give one question: q, or lat and lon, or some of " + ", ".join(NAMES)


def _text(description: str, example: str) -> fields.String:
    return fields.String(
        validate=validate.Length(max=CHARS_MAX), metadata={"description": description, "example": example}
    )


def _degrees(name: str) -> fields.Float:
    return fields.Float(
        validate=validate.Range(-POINT[name], POINT[name]),
        metadata={"description": "Degrees; the nearest town within 100 km is meant."},
    )


class PlacesQuery(Schema):
    q = _text("Free text, a US ZIP, an ISO 3166 code or a place's id.", "Remer,MN")
    lat = _degrees("lat")
    lon = _degrees("lon")
    country = _text("Name or ISO 3166-1 code.", "US")
    region = _text("Name or ISO 3166-2 code, with or without the country's part.", "MN")
    county = _text("Name.", "Cass County")
    city = _text("Name.", "Remer")
    postal = _text("A US ZIP; other countries' codes are not read.", "56672")
    ip = fields.String(metadata={"description": "Not answered yet: a 422 says so."})

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def one_question(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:  # noqa: ARG002
        """Reads the original, so that a mistake in one field does not look like its absence."""
        mistakes: dict[str, list[str]] = {}
        if "ip" in original:
            mistakes["ip"] = ["this engine has no map of addresses; send a place instead"]
        for name, other in (("lat", "lon"), ("lon", "lat")):
            if other in original and name not in original:
                mistakes[name] = [f"must stand beside {other}"]
        asked = ["q" in original, bool(POINT.keys() & set(original)), bool(set(NAMES) & set(original))]
        if sum(asked) > 1 or not (any(asked) or "ip" in original):
            mistakes["q"] = [_ONE]
        if mistakes:
            raise ValidationError(mistakes)


class PlaceOut(Schema):
    id = fields.String(
        required=True,
        attribute="spelling",
        metadata={"description": "Stable; may be sent wherever a place is asked for.", "example": "p5037779"},
    )
    name = fields.String(required=True)
    kind = fields.Enum(Kind, by_value=True, required=True)
    path = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "From the country down.", "example": ["US", "US-MN", "Cass County", "Remer"]},
    )
    lat = fields.Float(required=True, allow_none=True)
    lon = fields.Float(required=True, allow_none=True)
    country = fields.String(required=True, metadata={"description": "ISO 3166-1 alpha-2.", "example": "US"})
    timezone = fields.String(required=True, allow_none=True, metadata={"example": "America/Chicago"})
    population = fields.Integer(required=True, metadata={"description": "0: unknown."})


class PlacesOut(Schema):
    query = fields.Raw(required=True, metadata={"description": "What was asked: the text, or the fields."})
    status = fields.Enum(Status, by_value=True, required=True)
    place = fields.Nested(PlaceOut, required=True, allow_none=True, metadata={"description": "Set when exact."})
    candidates = fields.List(
        fields.Nested(PlaceOut),
        required=True,
        metadata={"description": f"When ambiguous: the {CANDIDATES_MAX} most populous places that it can mean."},
    )


class SourceOut(Schema):
    name = fields.String(required=True)
    what = fields.String(required=True)
    licence = fields.String(required=True)
    url = fields.String(required=True)
    packages = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, metadata={"description": "Package -> version."}
    )


class AboutOut(Schema):
    attribution = fields.String(required=True)
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Places by kind, ZIPs (postal) and spellings."},
    )
    sources = fields.List(fields.Nested(SourceOut), required=True)


def blueprint(gazetteer: Gazetteer) -> Blueprint:
    blp = Blueprint("places", __name__, description="Where readers are.")

    @blp.route("/v1/places")
    class Places(MethodView):
        @blp.arguments(PlacesQuery, location="query")
        @blp.response(200, PlacesOut)
        def get(self, query: dict[str, Any]) -> dict[str, Any]:
            """The place that a text, ZIP, point or set of fields means; exact or refused, never a guess."""
            asked = query.get("q", query)
            found = gazetteer.resolve(asked)
            return {
                "query": asked,
                "status": found.status,
                "place": found.place,
                "candidates": found.candidates[:CANDIDATES_MAX],
            }

    @blp.route("/v1/places/about")
    class About(MethodView):
        @blp.response(200, AboutOut)
        def get(self) -> dict[str, Any]:
            """Whose data the places are, under which licences, and how many there are."""
            sources = [
                {
                    "name": source.name,
                    "what": source.what,
                    "licence": source.licence,
                    "url": source.url,
                    "packages": {package: gazetteer.sources[package] for package in source.packages},
                }
                for source in SOURCES
            ]
            return {"attribution": ATTRIBUTION, "counts": gazetteer.counts, "sources": sources}

    return blp
