"""What may be asked of the gazetteer, and how a text falls into its parts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adengine.errors import Mistake

Query = str | Mapping[str, Any]
"""Free text, or fields by name: some of `NAMES`, or `POINT`. Other fields are not looked at."""
NAMES = ("country", "region", "county", "city", "postal")
"""Texts; the larger areas may be left out. `postal` is a US ZIP."""
POINT = {"lat": 90.0, "lon": 180.0}
"""Numbers in degrees with their bounds; both or neither. Names win over a point."""
CHARS_MAX = 200
PARTS_MAX = 6
_COMMA = re.compile("[,\uff0c\u3001\u060c]")
_ZIP = re.compile(r"(?:(.*?)\s+)?([0-9]{5})(?:-[0-9]{4})?")


@dataclass(frozen=True, slots=True)
class Words:
    parts: tuple[str, ...]
    """What stands between the commas, never empty texts: ("Remer", "MN")."""
    zip: str | None
    """Five digits: the end of the last part, or a first part by itself."""


def words(text: str) -> Words:
    """ "Remer, MN 56672" -> parts ("Remer", "MN") and the ZIP."""
    parts = [part for part in (" ".join(part.split()) for part in _COMMA.split(text)) if part]
    if not parts:
        return Words((), None)
    if zipped := _ZIP.fullmatch(parts[-1]):
        return Words((*parts[:-1], zipped[1]) if zipped[1] else tuple(parts[:-1]), zipped[2])
    code = zip_code(parts[0])
    return Words(tuple(parts[1:] if code else parts), code)


def zip_code(text: str) -> str | None:
    """The five digits of a ZIP or ZIP+4; None for any other text."""
    zipped = _ZIP.fullmatch(text.strip())
    return zipped[2] if zipped and not zipped[1] else None


def mistakes(query: object, pointer: str) -> list[Mistake]:
    """What is wrong with a place that somebody sent, at `pointer` and below; empty for a well-formed one.

    Well-formed is not known: a town that does not exist is a good question.
    """
    if isinstance(query, str):
        return _text_mistakes(query, pointer)
    if not isinstance(query, Mapping):
        return [Mistake(pointer, "must be a text or an object")]
    found = [mistake for name in NAMES for mistake in _text_mistakes(query.get(name), f"{pointer}/{name}")]
    found += [mistake for name in POINT for mistake in _degree_mistakes(name, query.get(name), f"{pointer}/{name}")]
    given = [name for name in (*NAMES, *POINT) if query.get(name) is not None]
    if not given:
        found.append(Mistake(pointer, f"must have one of {', '.join(NAMES)}, or lat and lon"))
    found += [
        Mistake(f"{pointer}/{name}", "must stand beside its other coordinate")
        for name in POINT
        if query.get(name) is None and set(given) & set(POINT)
    ]
    return found


def _text_mistakes(value: object, pointer: str) -> list[Mistake]:
    if value is not None and not isinstance(value, str):
        return [Mistake(pointer, "must be a text")]
    if isinstance(value, str) and len(value) > CHARS_MAX:
        return [Mistake(pointer, f"must have at most {CHARS_MAX} characters")]
    return []


def _degree_mistakes(name: str, value: object, pointer: str) -> list[Mistake]:
    if value is None or is_degree(name, value):
        return []
    return [Mistake(pointer, f"must be a number of degrees from {-POINT[name]:g} to {POINT[name]:g}")]


def is_degree(name: str, value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= POINT[name]
