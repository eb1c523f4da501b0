"""Local hours, days, weeks and months of any IANA zone as spans of time, days of 23 and 25 hours included. Pure.

Counts are kept by quarters of an hour in UTC; every offset in use since 1972 is a multiple of that, so a local hour or
day is always a whole number of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

HOUR_S = 3600
DAY_S = 86_400
QUARTER_S = 900
LOOK_EVERY_S = 3 * DAY_S
"""No zone changes its clocks twice in so short a time: since 2000 never within less than a week."""
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of local time, told from the local clock read as if it were UTC."""

    name: str
    definition: str
    label: Callable[[int, int], str]
    """(local s, the offset in force, s) -> the label; sorts as time does, but for the hours that a change repeats."""


def _hour(local_s: int, offset_s: int) -> str:
    begin = datetime.fromtimestamp(local_s - local_s % HOUR_S, UTC).replace(tzinfo=None)
    sign = "-" if offset_s < 0 else "+"
    return f"{begin.isoformat()}{sign}{abs(offset_s) // 3600:02d}:{abs(offset_s) % 3600 // 60:02d}"


def _day(local_s: int, _offset_s: int) -> str:
    return _date(local_s).isoformat()


def _week(local_s: int, _offset_s: int) -> str:
    day = _date(local_s)
    return (day - timedelta(days=day.weekday())).isoformat()


def _month(local_s: int, _offset_s: int) -> str:
    return _date(local_s).isoformat()[:7]


UNITS = (
    Unit("hour", "The local hour, by its begin with the offset in force.", _hour),
    Unit("day", "The local calendar day; 23 or 25 hours long when clocks change.", _day),
    Unit("week", "The local week, by its Monday.", _week),
    Unit("month", "The local calendar month.", _month),
)
BY_NAME = {unit.name: unit for unit in UNITS}


class Span(NamedTuple):
    """Some time that has one label per unit asked for. A label may have several spans.

    A tuple, because thousands are made while somebody waits.
    """

    begin_s: int
    end_s: int
    labels: tuple[str, ...]


def spans(zone: ZoneInfo, units: Sequence[Unit], begin_s: int, end_s: int) -> Iterator[Span]:
    """The time from begin_s to end_s (epoch s, multiples of a quarter of an hour), cut where a label changes."""
    step_s = HOUR_S if any(unit.name == "hour" for unit in units) else DAY_S
    label_of = [unit.label for unit in units]
    open_s, open_labels = begin_s, None
    for from_s, to_s, offset_s in _offsets(zone, begin_s, end_s):
        at_s = from_s
        while at_s < to_s:
            local_s = at_s + offset_s
            labels = tuple([label(local_s, offset_s) for label in label_of])
            if labels != open_labels:
                if open_labels is not None:
                    yield Span(open_s, at_s, open_labels)
                open_s, open_labels = at_s, labels
            at_s = min(to_s, at_s + step_s - local_s % step_s)
    if open_labels is not None:
        yield Span(open_s, end_s, open_labels)


@dataclass(frozen=True, slots=True)
class Run:
    """Spans that follow each other and are equally long, so that arithmetic tells in which of them an instant lies."""

    first: int
    """The number of its first span among all."""
    count: int
    begin_s: int
    step_s: int

    @property
    def end_s(self) -> int:
        return self.begin_s + self.count * self.step_s


def runs(found: Sequence[Span]) -> Iterator[Run]:
    """All spans in order, in as few runs as may be: one for the days between two changes of clocks, many for months."""
    open_run: Run | None = None
    for number, span in enumerate(found):
        step_s = span.end_s - span.begin_s
        if open_run is not None and (open_run.end_s, open_run.step_s) == (span.begin_s, step_s):
            open_run = replace(open_run, count=open_run.count + 1)
            continue
        if open_run is not None:
            yield open_run
        open_run = Run(number, 1, span.begin_s, step_s)
    if open_run is not None:
        yield open_run


def _offsets(zone: ZoneInfo, begin_s: int, end_s: int) -> Iterator[tuple[int, int, int]]:
    """(begin, end, UTC offset), all in s: the stretches without a change of clocks."""
    from_s, offset_s = begin_s, _offset(zone, begin_s)
    for look_s in (*range(begin_s + LOOK_EVERY_S, end_s, LOOK_EVERY_S), end_s - QUARTER_S):
        if _offset(zone, look_s) != offset_s:
            change_s = _change(zone, max(from_s, look_s - LOOK_EVERY_S), look_s)
            yield from_s, change_s, offset_s
            from_s, offset_s = change_s, _offset(zone, look_s)
    yield from_s, end_s, offset_s


def _change(zone: ZoneInfo, before_s: int, after_s: int) -> int:
    """The first quarter of an hour in (before_s, after_s] that has another offset than before_s."""
    low, high = before_s // QUARTER_S, after_s // QUARTER_S
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle * QUARTER_S) == _offset(zone, before_s):
            low = middle
        else:
            high = middle
    return high * QUARTER_S


def _offset(zone: ZoneInfo, at_s: int) -> int:
    delta = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert delta is not None
    return int(delta.total_seconds())


def _date(local_s: int) -> date:
    return date.fromordinal(_EPOCH + local_s // DAY_S)
