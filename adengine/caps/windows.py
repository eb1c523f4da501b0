"""The windows of frequency caps: how they are spelled, and since when each counts. Pure; one row a kind.

A window is a parameter of counting, never stored with what is counted: changing a cap works at once, backwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_S = 86_400
ROLLING_S_MAX = 90 * DAY_S
UNITS_S = {"m": 60, "h": 3600, "d": DAY_S}
LIFETIME = 0
PAGE = -1
"""What `wire` says for the lifetime of the owner flight, and for the page view at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    spelling: str
    """A regular expression for the whole word."""
    meaning: str
    wire: Callable[[str, int, ZoneInfo], int]
    """(word, now_s, the site's zone) -> what the scripts take: > 0 rolling seconds, 0 lifetime, -1 this page view,
    else minus the epoch second it counts from."""
    keeps_s: Callable[[str], int] = lambda word: 0  # noqa: ARG005
    """How far back the reader log must reach for it, s."""
    by_the_clock: bool = False
    """Whether `wire` depends on more than the word."""


@lru_cache(maxsize=256)
def parse(word: str) -> Window:
    """The row that `word` is a spelling of; `ValueError` with a sentence otherwise."""
    for window in WINDOWS:
        if re.fullmatch(window.spelling, word):
            if _rolling_s(word) > ROLLING_S_MAX:
                raise ValueError(f"a rolling window may be at most {ROLLING_S_MAX // DAY_S}d, not {word}")
            return window
    raise ValueError(f"no window is spelled {word!r}; there are {', '.join(EXAMPLES)}")


def wire(word: str, now_s: int, zone: ZoneInfo) -> int:
    """The window as the reader log's scripts take it, seen at `now_s` on a site in `zone`."""
    return parse(word).wire(word, now_s, zone)


def keeps_s(word: str) -> int:
    """How far back the reader log must reach, in seconds."""
    return parse(word).keeps_s(word)


def day_began_s(now_s: int, zone: ZoneInfo) -> int:
    """The epoch second of the last midnight in `zone`; where clocks skip midnight, of the day's first instant."""
    today = datetime.fromtimestamp(now_s, zone).date()
    return _first_instant_s(today.year, today.month, today.day, zone)


def week_began_s(now_s: int, zone: ZoneInfo) -> int:
    """The epoch second at which the last Monday began in `zone` (ISO 8601 weeks)."""
    today = datetime.fromtimestamp(now_s, zone).date()
    monday = today - timedelta(days=today.weekday())
    return _first_instant_s(monday.year, monday.month, monday.day, zone)


def _first_instant_s(year: int, month: int, day: int, zone: ZoneInfo) -> int:
    """A midnight that happens twice (clocks set back) begins at its first (fold=0)."""
    return int(datetime(year, month, day, tzinfo=zone).timestamp())


def _rolling_s(word: str) -> int:
    """Seconds of a rolling window; 0 for the others."""
    return int(word[:-1]) * UNITS_S[word[-1]] if word[:-1].isdecimal() else 0


WINDOWS = (
    Window(
        spelling=r"[1-9][0-9]{0,6}[mhd]",
        meaning="the last so many minutes, hours or days (at most 90d), seen from every instant",
        wire=lambda word, _now_s, _zone: _rolling_s(word),
        keeps_s=_rolling_s,
    ),
    Window(
        spelling="calendar_day",
        meaning="since midnight in the site's time zone",
        wire=lambda _word, now_s, zone: -day_began_s(now_s, zone),
        keeps_s=lambda _word: DAY_S + 2 * 3600,
        by_the_clock=True,
    ),
    Window(
        spelling="calendar_week",
        meaning="since Monday began in the site's time zone",
        wire=lambda _word, now_s, zone: -week_began_s(now_s, zone),
        keeps_s=lambda _word: 7 * DAY_S + 2 * 3600,
        by_the_clock=True,
    ),
    Window(
        spelling="flight",
        meaning="as long as the flight that the cap was booked with runs",
        wire=lambda _word, _now_s, _zone: LIFETIME,
    ),
    Window(
        spelling="page",
        meaning="one page view, slots that load later included",
        wire=lambda _word, _now_s, _zone: PAGE,
    ),
)
EXAMPLES = ("30m", "24h", "7d", "calendar_day", "calendar_week", "flight", "page")
