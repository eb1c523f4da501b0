"""A pytest plugin: the table of dimensions has one more row, `moods`, before anything has read it."""

from __future__ import annotations

import sys
from typing import Any

from adengine.catalog import dimensions

NAME = "moods"


def _colour(value: Any, _: object) -> str:
    if value not in ("red", "blue"):
        raise dimensions.Refused("must be red or blue")
    return str(value)


ROW = dimensions.dimension(
    NAME,
    about="A colour that pages send in page.keys.mood.",
    refusal="mood",
    accept=_colour,
    values=lambda facts: facts.keys.get("mood", ()),
    schema={"type": "string", "enum": ["red", "blue"]},
)
assert not any(name in sys.modules for name in ("adengine.catalog.flights", "adengine.catalog.compile")), "too late"
dimensions.DIMENSIONS = (*dimensions.DIMENSIONS, ROW)
