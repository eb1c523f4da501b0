"""GET /v1/topics: finds topics for people and programs. Open to everybody."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import Schema, fields, validate

from adengine.topics.load import ATTRIBUTION, NAME
from adengine.topics.tree import Taxonomy, Topic

FOUND_DEFAULT = 20
FOUND_MAX = 1000


class TopicsQuery(Schema):
    q = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"description": "An id, a slug or words of a name; empty: the whole tree.", "example": "politics"},
    )
    limit = fields.Integer(
        load_default=None,
        strict=False,
        validate=validate.Range(1, FOUND_MAX),
        metadata={"description": f"Most topics to answer; {FOUND_DEFAULT} for a search, {FOUND_MAX} without q."},
    )


class TopicOut(Schema):
    id = fields.String(required=True)
    slug = fields.String(required=True)
    name = fields.String(required=True)
    parent = fields.String(required=True, allow_none=True, metadata={"description": "The parent's id."})
    path = fields.List(fields.String(), required=True, metadata={"description": "Names from the root down."})


class TopicsOut(Schema):
    topics = fields.List(fields.Nested(TopicOut), required=True)
    taxonomy = fields.String(required=True)
    attribution = fields.String(required=True)


def blueprint(taxonomy: Taxonomy) -> Blueprint:
    blp = Blueprint("topics", __name__, description="What pages are about.")

    @blp.route("/v1/topics")
    class Topics(MethodView):
        @blp.arguments(TopicsQuery, location="query")
        @blp.response(200, TopicsOut)
        def get(self, query: dict[str, Any]) -> dict[str, Any]:
            """Topics of the taxonomy, best match first."""
            limit = query["limit"] or (FOUND_DEFAULT if query["q"] else FOUND_MAX)
            found: list[Topic] = taxonomy.search(query["q"], limit)
            return {"topics": found, "taxonomy": NAME, "attribution": ATTRIBUTION}

    return blp
