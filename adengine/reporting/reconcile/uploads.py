"""Reading what a third party counted: CSV with a day, the id of a flight, campaign or creative, and counts. Pure.

Every mistake of the file is named with its line; a file with any is refused whole, so that no sum is of a part.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date

from adengine.catalog import ids
from adengine.errors import Invalid, Malformed, Mistake, TooLarge
from adengine.reporting.query import EARLIEST_S, LATEST_S
from adengine.web.json_strict import BOM

ROWS_MAX = 5_000
DAYS_MAX = 100
"""From the first to the last."""
MISTAKES_MAX = 100
DAY = "day"
THINGS = ("flight", "campaign", "creative")
COUNTS = ("impressions", "clicks")
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
YEARS = (1970 + EARLIEST_S // 31_556_952, 1970 + LATEST_S // 31_556_952)


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """What they counted of one thing on one of their days."""

    day: date
    thing: int
    counts: dict[str, int]
    """By name, of `COUNTS`; only those that the file has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    noun: str
    """Of `THINGS`: what the ids are of."""
    counts: tuple[str, ...]
    rows: tuple[Theirs, ...]
    """At least one; each day and thing once."""


def read_upload(body: bytes) -> Upload:
    """Raises `Malformed`, `TooLarge`, and `Invalid` with every mistake."""
    try:
        text = body.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"the file is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}") from error
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().casefold() for name in next(lines, [])]
        noun, counts = _columns(header)
        numbered = [(lines.line_num, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise Malformed(f"line {lines.line_num} is no CSV: {error}") from error
    if len(numbered) > ROWS_MAX:
        raise TooLarge(f"the file has more than {ROWS_MAX} rows; send it in parts")
    mistakes: list[Mistake] = []
    rows = [row for line, cells in numbered if (row := _row(line, header, cells, noun, counts, mistakes)) is not None]
    twice = Counter((row.day, row.thing) for row in rows)
    mistakes += [
        Mistake("", f"{ids.public(noun, thing)} stands {times} times on {day}; add its rows up first")
        for (day, thing), times in twice.items()
        if times > 1
    ]
    if rows and (max(row.day for row in rows) - min(row.day for row in rows)).days >= DAYS_MAX:
        mistakes.append(Mistake("", f"its days lie further apart than {DAYS_MAX}; send it in parts"))
    if not rows and not mistakes:
        mistakes.append(Mistake("", "the file has no rows"))
    if mistakes:
        raise Invalid(mistakes[:MISTAKES_MAX])
    return Upload(noun=noun, counts=counts, rows=tuple(rows))


def _columns(header: list[str]) -> tuple[str, tuple[str, ...]]:
    """(the noun, the counts) that the header names."""
    known = (DAY, *THINGS, *COUNTS)
    strange = [name for name in header if name not in known]
    mistakes = [Mistake(f"/1/{name}", f"no such column; there are {', '.join(known)}") for name in strange]
    mistakes += [Mistake(f"/1/{name}", "stands twice") for name, times in Counter(header).items() if times > 1]
    things, counts = [name for name in THINGS if name in header], tuple(name for name in COUNTS if name in header)
    if DAY not in header:
        mistakes.append(Mistake("/1", "a column day is needed"))
    if len(things) != 1:
        mistakes.append(Mistake("/1", f"one of the columns {', '.join(THINGS)} is needed"))
    if not counts:
        mistakes.append(Mistake("/1", f"one of the columns {', '.join(COUNTS)} is needed, or both"))
    if mistakes:
        raise Invalid(mistakes)
    return things[0], counts


def _row(
    line: int, header: list[str], cells: list[str], noun: str, counts: tuple[str, ...], mistakes: list[Mistake]
) -> Theirs | None:
    if len(cells) != len(header):
        mistakes.append(Mistake(f"/{line}", f"has {len(cells)} fields instead of {len(header)}"))
        return None
    said = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    day, thing = _day(said[DAY]), ids.parse(noun, said[noun])
    before = len(mistakes)
    if day is None:
        mistakes.append(Mistake(f"/{line}/{DAY}", f"{said[DAY][:40]!r} is no day such as 2025-09-01"))
    if thing is None:
        mistakes.append(Mistake(f"/{line}/{noun}", f"{said[noun][:40]!r} is no id such as {ids.public(noun, 1)}"))
    for name in counts:
        if not _NUMBER.fullmatch(said[name]):
            mistakes.append(Mistake(f"/{line}/{name}", f"{said[name][:40]!r} is no whole number"))
    if day is None or thing is None or len(mistakes) > before:
        return None
    return Theirs(day=day, thing=thing, counts={name: int(said[name]) for name in counts})


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return day if day is not None and YEARS[0] < day.year < YEARS[1] else None
