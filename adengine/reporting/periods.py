"""Periods by a name that means others tomorrow: what a report that is sent every day is about. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Period:
    name: str
    definition: str
    days: Callable[[date], tuple[date, date]]
    """From today to its first day and the first one behind it."""


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month_before(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _later(day: date, days: int) -> date:
    return day + timedelta(days=days)


PERIODS = (
    Period("today", "Today, so far.", lambda day: (day, _later(day, 1))),
    Period("yesterday", "Yesterday.", lambda day: (_later(day, -1), day)),
    Period("last_7_days", "The seven days before today.", lambda day: (_later(day, -7), day)),
    Period("last_30_days", "The thirty days before today.", lambda day: (_later(day, -30), day)),
    Period("this_week", "Since Monday.", lambda day: (_monday(day), _later(day, 1))),
    Period("last_week", "Monday to Sunday of the week before.", lambda day: (_later(_monday(day), -7), _monday(day))),
    Period("this_month", "Since the first of the month.", lambda day: (day.replace(day=1), _later(day, 1))),
    Period("last_month", "The calendar month before.", lambda day: (_month_before(day), day.replace(day=1))),
)
BY_NAME = {period.name: period for period in PERIODS}


def bounds_s(period: Period, zone: ZoneInfo, now_s: int) -> tuple[int, int]:
    """Its first moment and the first one behind it: midnights of `zone`, epoch s."""
    first, behind = period.days(datetime.fromtimestamp(now_s, zone).date())
    return midnight_s(first, zone), midnight_s(behind, zone)


def midnight_s(day: date, zone: ZoneInfo) -> int:
    """Where a change of clocks leaves it out, the first moment of the day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())
