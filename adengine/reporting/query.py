"""What a delivery report is asked for: the query string, checked whole, every mistake named. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from adengine import zones
from adengine.errors import Invalid, Mistake
from adengine.reporting import dimensions, metrics, paging, periods
from adengine.reporting.calendar import DAY_S, QUARTER_S
from adengine.reporting.dimensions import Dimension, Shown, World
from adengine.reporting.metrics import Metric
from adengine.reporting.paging import Mark

DEFAULT_DAYS = 7
DEFAULT_METRICS = "requests,fills,impressions,viewable,clicks,invalid,gross"
FORMATS = ("json", "csv", "ndjson", "parquet")
FLAGS = ("false", "true")
ROLLUP = "rollup"
SOURCES = (ROLLUP, "events")
FILTERS_MAX = 100
ROWS_MAX = 10_000
"""Of a report. Larger ones are for jobs, not for a request."""
FROM_TO = ("from", "to")
NO_SUM = {
    "reach": "reaches cannot be added, readers would count twice; ask /v1/reports/reach for all that you mean at once",
}
"""What people ask for and is no metric, and why."""
NO_CURSOR = Mistake("?cursor", "must be what `next` of the page before said")
EARLIEST_S = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
LATEST_S = 2**32 - QUARTER_S
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.0+)?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    definition: str
    example: str


PARAMETERS = (
    Parameter("from", f"First moment: a date (its midnight in tz) or an RFC 3339 time on a quarter of an hour. "
              f"By default {DEFAULT_DAYS} days before `to`.", "2025-09-01"),
    Parameter("to", "First moment that is no longer reported, written as `from`. By default the coming quarter.",
              "2025-09-08"),
    Parameter("period", f"Instead of from and to: {', '.join(periods.BY_NAME)}, in tz.", "last_week"),
    Parameter("tz", "IANA zone of dates, hours, days, weeks and months; by default UTC.", "America/Chicago"),
    Parameter("group_by", "Dimensions, comma-separated; none: one row of totals.", "day,flight"),
    Parameter("metrics", "Metrics, comma-separated.", DEFAULT_METRICS),
    Parameter("filter", "dimension:value; repeat it for more. AND between dimensions, OR inside one.",
              "tier:standard"),
    Parameter("source", "rollup, the sums; or events, added up anew from what the machine that answers keeps.",
              "rollup"),
    Parameter("limit", f"At most so many rows, 1 to {ROWS_MAX}; by default all.", "500"),
    Parameter("cursor", "What `next` of the page before said; all else as it was asked for that page.",
              "WyI0ZmI4YTg2YjE1ZTQiLDE3NTY2ODQ4MDAsMTc1NzI4OTYwMCxbIjIwMjUtMDktMDEiXV0"),
    Parameter("about", "true: CSV and NDJSON begin with as_of, sealed_until and definitions; by default false.",
              "true"),
    Parameter("format", f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}.", "json"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    from_s: int
    to_s: int
    """Epoch s, multiples of a quarter of an hour, from_s < to_s."""
    zone: ZoneInfo
    group_by: tuple[Dimension, ...]
    metrics: tuple[Metric, ...]
    filters: Mapping[str, tuple[Any, ...]]
    """By dimension: what its filters mean, any of which may hold."""
    format: str
    has_front: bool = False
    """Files begin with what is told of them."""
    source: str = SOURCES[0]
    limit: int | None = None
    """Rows of a page; None: all."""
    asked_as: str = ""
    """As `paging.asked_as` says."""
    after: tuple[Shown, ...] | None = None
    """The values of the dimensions in the row behind which a page begins; None: with the first."""


def parse(given: Mapping[str, Sequence[str]], world: World, now_s: int) -> Asked:
    """The report that `given` (name -> values) asks for; raises `Invalid` with every mistake."""
    mistakes = [Mistake(f"?{name}", "no such parameter") for name in given if name not in _NAMES]
    mistakes += [
        Mistake(f"?{name}", "stands more than once")
        for name, values in given.items()
        if name != "filter" and len(values) > 1
    ]
    one = {name: values[0] for name, values in given.items() if values}
    zone = zone_of(one.get("tz", "UTC"), mistakes)
    from_s, to_s = _period(one, zone, now_s, mistakes)
    group_by = _rows("group_by", one.get("group_by", ""), dimensions.BY_NAME, mistakes)
    chosen = _rows("metrics", one.get("metrics", DEFAULT_METRICS), metrics.BY_NAME, mistakes)
    if not one.get("metrics", DEFAULT_METRICS).strip():
        mistakes.append(Mistake("?metrics", "name at least one"))
    filters = _filters(given.get("filter", ()), world, mistakes)
    _check("format", one.get("format", FORMATS[0]), FORMATS, mistakes)
    _check("source", one.get("source", SOURCES[0]), SOURCES, mistakes)
    _check("about", one.get("about", FLAGS[0]), FLAGS, mistakes)
    limit, mark = _limit(one, mistakes), _mark(given, one, len(group_by), mistakes)
    if mistakes:
        raise Invalid(mistakes)
    if mark is not None:
        from_s, to_s = mark.from_s, mark.to_s
    return Asked(
        from_s=from_s, to_s=to_s, zone=zone, group_by=tuple(group_by), metrics=tuple(chosen), filters=filters,
        format=one.get("format", FORMATS[0]), source=one.get("source", SOURCES[0]),
        has_front=one.get("about") == FLAGS[1], limit=limit,
        asked_as=paging.asked_as(given), after=mark.row if mark is not None else None,
    )  # fmt: skip


_NAMES = frozenset(parameter.name for parameter in PARAMETERS)


def zone_of(name: str, mistakes: list[Mistake]) -> ZoneInfo:
    """The IANA zone of that name; UTC and a mistake if there is none."""
    if name in zones.names():
        return ZoneInfo(name)
    mistakes.append(Mistake("?tz", f"no IANA time zone is called {name!r}; such as America/Chicago"))
    return ZoneInfo("UTC")


def _period(one: Mapping[str, str], zone: ZoneInfo, now_s: int, mistakes: list[Mistake]) -> tuple[int, int]:
    if "period" in one:
        return _named_period(one, zone, now_s, mistakes)
    coming_s = now_s - now_s % QUARTER_S + QUARTER_S
    to_s = _moment("to", one["to"], zone, mistakes) if "to" in one else coming_s
    if "from" in one:
        from_s = _moment("from", one["from"], zone, mistakes)
    else:
        from_s = to_s - DEFAULT_DAYS * DAY_S if to_s is not None else None
    if from_s is None or to_s is None:
        return 0, 0
    if from_s >= to_s:
        mistakes.append(Mistake("?from", "must be before `to`"))
    return from_s, to_s


def _named_period(one: Mapping[str, str], zone: ZoneInfo, now_s: int, mistakes: list[Mistake]) -> tuple[int, int]:
    mistakes += [Mistake(f"?{name}", "stands beside period; give one or the other") for name in one if name in FROM_TO]
    period = periods.BY_NAME.get(one["period"])
    if period is None:
        mistakes.append(Mistake("?period", f"{one['period']!r} is none of: {', '.join(periods.BY_NAME)}"))
        return 0, 0
    return periods.bounds_s(period, zone, now_s)


def _moment(name: str, text: str, zone: ZoneInfo, mistakes: list[Mistake]) -> int | None:
    """Epoch s of a date or time; None with a mistake."""
    try:
        at_s = _seconds(text, zone)
    except (ValueError, OverflowError):
        mistakes.append(Mistake(f"?{name}", "must be a date such as 2025-09-01 or a time such as 2025-09-01T06:00:00Z"))
        return None
    if at_s % QUARTER_S:
        mistakes.append(Mistake(f"?{name}", "must fall on a quarter of an hour, which counts are kept by"))
        return None
    if not EARLIEST_S <= at_s <= LATEST_S:
        mistakes.append(Mistake(f"?{name}", "must lie between the years 2000 and 2106"))
        return None
    return at_s


def _seconds(text: str, zone: ZoneInfo) -> int:
    if _DATE.fullmatch(text):
        return periods.midnight_s(date.fromisoformat(text), zone)
    if _TIME.fullmatch(text):
        return int(datetime.fromisoformat(text.upper()).timestamp())
    raise ValueError(text)


def _rows(name: str, text: str, table: Mapping[str, Any], mistakes: list[Mistake]) -> list[Any]:
    """The rows of `table` that a comma-separated list names, each once."""
    words = [word.strip() for word in text.split(",")] if text.strip() else []
    for word in _strange(words, table):
        said = NO_SUM.get(word, f"{word!r} is none of: {', '.join(table)}")
        mistakes.append(Mistake(f"?{name}", said))
    for word in sorted({word for word in words if words.count(word) > 1}):
        mistakes.append(Mistake(f"?{name}", f"{word!r} stands twice"))
    return [table[word] for word in dict.fromkeys(words) if word in table]


def _strange(words: Iterable[str], table: Mapping[str, Any]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word not in table]


def _filters(given: Sequence[str], world: World, mistakes: list[Mistake]) -> dict[str, tuple[Any, ...]]:
    if len(given) > FILTERS_MAX:
        mistakes.append(Mistake("?filter", f"at most {FILTERS_MAX} filters"))
        return {}
    found: dict[str, tuple[Any, ...]] = {}
    for text in given:
        name, colon, value = text.partition(":")
        dimension = dimensions.BY_NAME.get(name)
        if not colon or dimension is None:
            mistakes.append(Mistake("?filter", f"{text!r} is no dimension:value, such as tier:standard"))
        elif dimension.wanted is None:
            mistakes.append(Mistake("?filter", f"{name} cannot be filtered by; use from and to"))
        elif (wanted := dimension.wanted(value, world)) is None:
            mistakes.append(Mistake("?filter", f"{value!r} is no {name}"))
        else:
            found[name] = (*found.get(name, ()), wanted)
    return found


def _limit(one: Mapping[str, str], mistakes: list[Mistake]) -> int | None:
    text = one.get("limit", str(ROWS_MAX))
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(ROWS_MAX)) and 1 <= int(text) <= ROWS_MAX):
        mistakes.append(Mistake("?limit", f"must be a whole number from 1 to {ROWS_MAX}"))
        return None
    return int(text) if "limit" in one else None


def _mark(
    given: Mapping[str, Sequence[str]], one: Mapping[str, str], width: int, mistakes: list[Mistake]
) -> Mark | None:
    """Where the page begins.  width: how many dimensions there are."""
    if "cursor" not in one:
        return None
    mark = paging.mark_of(one["cursor"])
    if mark is None:
        mistakes.append(NO_CURSOR)
    elif mark.of != paging.asked_as(given) or len(mark.row) != width or not _is_period(mark):
        mistakes.append(Mistake("?cursor", "is of another report; ask for each page as you asked for the first"))
    return mark


def _is_period(mark: Mark) -> bool:
    """Whether a cursor that anybody may have written has a period that may be asked for."""
    on_quarters = not (mark.from_s % QUARTER_S or mark.to_s % QUARTER_S)
    return on_quarters and EARLIEST_S <= mark.from_s < mark.to_s <= LATEST_S + QUARTER_S


def _check(name: str, value: str, known: Sequence[str], mistakes: list[Mistake]) -> None:
    if value not in known:
        mistakes.append(Mistake(f"?{name}", f"must be one of: {', '.join(known)}"))
