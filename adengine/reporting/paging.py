"""Walking through a report: `limit` rows, then the cursor that `next` gave. Pure.

A cursor names the last row seen and the period of the first page, so that what is counted meanwhile neither repeats nor
hides a row, and a period that ends now stands still.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from adengine.reporting.dimensions import Shown

READ_BY = ("limit", "cursor", "format")
"""Parameters that say how an answer is read, whatever it is about: a report that is kept by name has none of them."""
OF_PAGES = frozenset({*READ_BY, "about"})
"""Parameters that may differ from page to page."""
CURSOR_CHARS_MAX = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a report has been read."""

    of: str
    """As `asked_as` says."""
    from_s: int
    to_s: int
    row: tuple[Shown, ...]
    """The values of the dimensions in the last row seen."""


def asked_as(given: Mapping[str, Sequence[str]]) -> str:
    """Tells one report from another, whatever page of it is asked for."""
    said = sorted((name, list(values)) for name, values in given.items() if name not in OF_PAGES)
    return blake2b(orjson.dumps(said), digest_size=6).hexdigest()


def cursor_of(mark: Mark) -> str:
    said = orjson.dumps([mark.of, mark.from_s, mark.to_s, mark.row])
    return urlsafe_b64encode(said).decode("ascii").rstrip("=")


def mark_of(cursor: str) -> Mark | None:
    """None if it is no cursor of ours."""
    if len(cursor) > CURSOR_CHARS_MAX or not cursor.isascii():
        return None
    try:
        of, from_s, to_s, row = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        return None
    if not (isinstance(of, str) and type(from_s) is type(to_s) is int and isinstance(row, list)):
        return None
    if not all(value is None or type(value) in (str, int) for value in row):
        return None
    return Mark(of=of, from_s=from_s, to_s=to_s, row=tuple(row))
