"""When a report is sent next. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Every:
    name: str
    definition: str
    falls_on: Callable[[date], bool]


EVERY = (
    Every("day", "Every day.", lambda _: True),
    Every("week", "On Mondays.", lambda day: day.weekday() == 0),
    Every("month", "On the first of the month.", lambda day: day.day == 1),
)
BY_NAME = {every.name: every for every in EVERY}
BACKOFF_S = (60, 300, 900, 3600, 3600, 7200, 14_400, 28_800)
"""From one attempt to the next; behind the last one it is given up, some sixteen hours later."""


def next_at_s(schedule: Mapping[str, Any], zone: ZoneInfo, after_s: int) -> int:
    """The first time behind `after_s` that the schedule names on the clocks of `zone`, epoch s.

    A time that a change of clocks leaves out is as much later; one that comes twice is the first.
    """
    every = BY_NAME[schedule["every"]]
    hour, _, minute = schedule["at"].partition(":")
    day = datetime.fromtimestamp(after_s, zone).date()
    while True:
        at_s = int(datetime.combine(day, time(int(hour), int(minute)), zone).timestamp())
        if every.falls_on(day) and at_s > after_s:
            return at_s
        day += timedelta(days=1)


def next_try_s(attempts: int, now_s: int) -> int | None:
    """When to try again behind so many attempts that failed; None: no more."""
    return now_s + BACKOFF_S[attempts - 1] if attempts <= len(BACKOFF_S) else None
