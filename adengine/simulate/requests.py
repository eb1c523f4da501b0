"""A log of real requests: one JSON object a line, `{"at": …, "request": {…}}`, as a page's server writes it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from adengine.errors import Invalid, Malformed, Mistake, TooLarge
from adengine.serving.request import SECONDS_MAX, SECONDS_MIN, parse
from adengine.simulate.run import Arrival

MISTAKES_MAX = 20


def read_log(lines: Iterable[bytes]) -> list[Arrival]:
    """The requests by rising time. Raises `Invalid` with the first `MISTAKES_MAX` lines that are none, and why.

    at: RFC 3339 with a zone, or epoch s, within the years that `now_s` may name.  request: the body of `POST /v1/fill`.
    """
    found, mistakes = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_arrival(line))
        except (ValueError, Malformed, TooLarge, Invalid) as error:
            mistakes.append(Mistake(f"line {number}:", _said(error)))
        if len(mistakes) == MISTAKES_MAX:
            break
    if mistakes or not found:
        raise Invalid(mistakes or [Mistake("the log", "has no requests")])
    return sorted(found, key=lambda arrival: arrival.at_s)


def _arrival(line: bytes) -> Arrival:
    record: Any = orjson.loads(line)
    if not isinstance(record, dict) or "request" not in record or "at" not in record:
        raise ValueError('must be {"at": …, "request": {…}}')
    body = orjson.dumps(record["request"])
    parse(body)
    at_s = _moment(record["at"])
    if not SECONDS_MIN <= at_s <= SECONDS_MAX:
        raise ValueError("at must lie between 2001 and 2105")
    return Arrival(at_s, body)


def _moment(at: Any) -> int:
    if isinstance(at, int | float) and not isinstance(at, bool):
        return int(at)
    if isinstance(at, str) and (moment := datetime.fromisoformat(at)).tzinfo is not None:
        return int(moment.timestamp())
    raise ValueError("at must be a time with a zone, such as 2025-09-01T12:00:00Z, or seconds since 1970")


def _said(error: Exception) -> str:
    if isinstance(error, Invalid):
        return "; ".join(f"{mistake.pointer} {mistake.detail}" for mistake in error.mistakes)
    return str(error)
