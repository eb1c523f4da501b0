"""Reading many creatives from one file: JSON array, NDJSON or CSV, each row with its line. Pure.

Every row is accounted for: one that cannot be read is a row with a mistake, not the end of the file. Only what leaves
no rows to speak of refuses the whole file: letters that are not UTF-8, broken JSON, a header with a mistake.
In CSV blank lines are no rows; a row that is not well quoted ends with its line, and the next line begins a new row.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from adengine.errors import Invalid, Malformed, Mistake, TooLarge
from adengine.texts.lines import ROLE
from adengine.web.json_strict import BOM, parse

ROWS_MAX = 10_000
FIELD_BYTES_MAX = 65_536
FIELDS = ("campaign", "landing_url", "lang", "categories", "weight")
NEEDED = ("campaign", "landing_url", "brand")
ROLES = ("brand", "short", "long")
"""Columns of these names are variants; others are spelled `variant:<role>`. Their order is the order of widths."""
VARIANT = "variant:"
NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,10})?")
BETWEEN_CATEGORIES = "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    line: int
    """Where it begins, from 1."""
    document: Any = None
    """As for POST /v1/creatives; None for a row that could not be read."""
    mistakes: tuple[Mistake, ...] = ()
    """Why it could not be read."""


def rows_in(body: bytes, media_type: str) -> list[Row]:
    """The rows of a file of one of `FORMATS`, in order; raises `Malformed`, `Invalid` (its header) or `TooLarge`."""
    try:
        text = body.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Malformed(f"the file is not UTF-8: line {line} holds the byte 0x{body[error.start]:02x}") from error
    rows = list(islice(FORMATS[media_type](text), ROWS_MAX + 1))
    if len(rows) > ROWS_MAX:
        raise TooLarge(f"the file has more than {ROWS_MAX} rows; send it in parts")
    return rows


def _json(text: str) -> Iterator[Row]:
    elements = parse(text.encode("utf-8"))
    if not isinstance(elements, list):
        raise Malformed("the body must be a JSON array of creatives")
    decoder, at, line, counted = json.JSONDecoder(), text.index("[") + 1, 1, 0
    for element in elements:
        while text[at] in " \t\r\n,":
            at += 1
        line, counted = line + text.count("\n", counted, at), at
        yield Row(line=line, document=element)
        _, at = decoder.raw_decode(text, at)


def _ndjson(text: str) -> Iterator[Row]:
    for line, words in enumerate(text.split("\n"), 1):
        if not words.strip():
            continue
        try:
            yield Row(line=line, document=parse(words.encode("utf-8")))
        except Malformed as error:
            yield Row(line=line, mistakes=(Mistake("", error.detail.replace("the body", "the line")),))


def _csv(text: str) -> Iterator[Row]:
    records = _records(text)
    header = next(records, None)
    if header is None or header[1] is None:
        raise Invalid([Mistake("", "line 1: the header is missing or no CSV")])
    columns = [name.strip() for name in header[1]]
    roles = _roles(columns)
    for line, cells, said in records:
        if cells is None:
            yield Row(line=line, mistakes=(Mistake("", said),))
        elif len(cells) != len(columns):
            said = f"has {len(cells)} fields, the header has {len(columns)}"
            yield Row(line=line, mistakes=(Mistake("", said),))
        elif long := [name for name, cell in zip(columns, cells, strict=True) if _bytes(cell) > FIELD_BYTES_MAX]:
            said = f"may have at most {FIELD_BYTES_MAX} bytes"
            yield Row(line=line, mistakes=tuple(Mistake(f"/{name}", said) for name in long))
        else:
            yield Row(line=line, document=_document(dict(zip(columns, cells, strict=True)), roles))


def _records(text: str) -> Iterator[tuple[int, list[str] | None, str]]:
    """(first line, cells, "") of each record, or (first line, None, what is wrong with it)."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, None, f"is not well-formed CSV: {error}"
            continue
        if cells:
            yield line, cells, ""


def _roles(columns: list[str]) -> Mapping[str, str]:
    """Column -> role, in the order of the columns; raises `Invalid` with all mistakes of the header."""
    roles = {name: name.removeprefix(VARIANT) for name in columns if name in ROLES or name.startswith(VARIANT)}
    known = {*FIELDS, *(name for name, role in roles.items() if ROLE.fullmatch(role))}
    said = [f"no column is called {name[:80]!r}" for name in columns if name not in known]
    said += [f"the column {name!r} stands twice" for name in dict.fromkeys(columns) if columns.count(name) > 1]
    present = {roles.get(name, name) for name in columns}
    said += [f"the column {name!r} is missing" for name in NEEDED if name not in present]
    if said:
        raise Invalid([Mistake("", f"line 1: {sentence}") for sentence in said])
    return roles


def _document(cells: Mapping[str, str], roles: Mapping[str, str]) -> dict[str, Any]:
    """An empty cell is an absent field."""
    document: dict[str, Any] = {name: cells[name] for name in FIELDS if cells.get(name)}
    if "categories" in document:
        document["categories"] = [word.strip() for word in document["categories"].split(BETWEEN_CATEGORIES)]
    if "weight" in document:
        document["weight"] = _number(document["weight"])
    document["variants"] = [{"role": role, "text": cells[name]} for name, role in roles.items() if cells[name]]
    return document


def _number(cell: str) -> float | str:
    """What is no number is left for the form to refuse."""
    return float(cell) if NUMBER.fullmatch(cell) else cell


def _bytes(cell: str) -> int:
    return len(cell.encode("utf-8"))


FORMATS: Mapping[str, Callable[[str], Iterator[Row]]] = {
    "application/json": _json,
    "application/x-ndjson": _ndjson,
    "text/csv": _csv,
}
