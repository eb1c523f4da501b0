"""Days of the week and times of day, on the clocks of the reader's place. Pure.

A minute is that of the clock on the wall: where clocks are put back an hour comes twice and counts twice, where they
are put forward one is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from adengine.catalog.nouns import Facts
from adengine.catalog.targets.refused import Refused, quoted

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
_DAYPART = re.compile(PATTERN, re.ASCII)
DAY_MIN = 24 * 60


def weekday_of(facts: Facts) -> tuple[str, ...]:
    """The day it is there; one of `WEEKDAYS`."""
    return (WEEKDAYS[_there(facts).weekday()],)


def accepted_daypart(value: Any) -> str:
    """From the first minute to before the last, over midnight where that is the earlier one; raises `Refused`."""
    if not isinstance(value, str) or not _DAYPART.fullmatch(value):
        raise Refused(f"must be two times of day such as 06:00-10:00 or 22:00-02:00, not {quoted(value)}")
    first, last = _minutes(value)
    if first == last:
        raise Refused(f"must last; for the whole day write 00:00-24:00, not {quoted(value)}")
    return value


def holding_dayparts(spellings: Sequence[str]) -> Callable[[Facts], tuple[str, ...]]:
    """From a request to those of `spellings` within which it is."""
    firsts, lasts = np.array([_minutes(spelling) for spelling in spellings], np.int64).reshape(-1, 2).T
    whole = lasts - firsts == DAY_MIN
    lengths = np.where(whole, DAY_MIN, (lasts - firsts) % DAY_MIN)

    def holding(facts: Facts) -> tuple[str, ...]:
        there = _there(facts)
        since = (there.hour * 60 + there.minute - firsts) % DAY_MIN
        return tuple(spellings[at] for at in np.flatnonzero(since < lengths).tolist())

    return holding


@lru_cache(1024)
def is_timezone(name: str) -> bool:
    """Whether we know the clocks of `name`: a gazetteer may hold a zone that the IANA does not."""
    try:
        return bool(ZoneInfo(name).key)
    except (ZoneInfoNotFoundError, ValueError):
        return False


def _there(facts: Facts) -> datetime:
    return datetime.fromtimestamp(facts.now_s, ZoneInfo(facts.timezone))


def _minutes(daypart: str) -> tuple[int, int]:
    first, last = (int(time[:2]) * 60 + int(time[3:]) for time in daypart.split("-"))
    return first, last
