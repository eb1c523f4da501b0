"""How far a flight is with its goal, and where it will end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.nouns import Flight, Unit
from adengine.pacing.book import delivered
from adengine.pacing.forecast import HOUR_S
from adengine.pacing.load import Total
from adengine.pacing.schedule import Schedule, is_scheduled

RECENT_S = 24 * HOUR_S
"""A projection goes on with what the last day's requests brought."""
LOOK_AHEAD_S = 366 * 24 * HOUR_S
"""How far flights without an end are looked after."""
POINTS_MAX = 200


class State(StrEnum):
    NOT_BEGUN = "not_begun"
    ON_SCHEDULE = "on_schedule"
    BEHIND = "behind"
    AHEAD = "ahead"
    RUNNING = "running"
    """There is no schedule that it could keep or not."""
    REACHED = "reached"
    ENDED = "ended"
    """Without its goal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    at_s: int
    due: float | None
    low: float | None
    high: float | None
    delivered: int | None
    """None in the future."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    state: State
    delivered: int
    """Impressions, or clicks where the goal is clicks; so are all numbers of this kind below."""
    due: float | None
    """None without a schedule, here and below."""
    low: float | None
    high: float | None
    """The band that the controller keeps it in: what is due a look before and after now."""
    requests_left: float | None
    """Slots expected to be asked for that its targeting admits, from now to its end; None without an end."""
    projected: float | None
    """By its end, if requests go on bringing what they brought in the last day; None where nothing was asked for."""
    reaches_goal_at_s: int | None
    """By the same measure; None: not in sight."""
    points: Sequence[Point]
    """From its start to its end, at most `POINTS_MAX`."""


def progress(
    flight: Flight, total: Total, curve: Sequence[tuple[int, int, int]], profile: NDArray[np.float64], now_s: int
) -> Progress:
    """curve: (begin of an hour, impressions, clicks) by rising hour.  profile: shape (168,), `forecast.profiles_of`."""
    done = delivered(flight, total)
    line = _Line(flight, profile) if flight.target is not None else None
    counted = _cumulative(flight, curve)
    due, low, high = line.due(now_s) if line is not None else (None, None, None)
    left = line.requests_left(now_s) if line is not None and flight.ends_at_s is not None else None
    projected, at_s = _projected(flight, line, done, counted, now_s) if line is not None else (None, None)
    return Progress(
        state=_state(flight, done, due, low, high, now_s),
        delivered=done,
        due=due,
        low=low,
        high=high,
        requests_left=left,
        projected=projected,
        reaches_goal_at_s=at_s,
        points=[_point(at, line, counted, now_s) for at in _moments(flight, now_s)],
    )


class _Line:
    """The schedule of one flight, if it has one, and its requests."""

    def __init__(self, flight: Flight, profile: NDArray[np.float64]) -> None:
        self._flight = flight
        runs_on = replace(flight, ends_at_s=max(flight.starts_at_s, flight.ends_at_s or 0) + LOOK_AHEAD_S)
        self._requests = Schedule([runs_on], profile[None])
        self._schedule = Schedule([flight], profile[None]) if is_scheduled(flight) else None

    def due(self, at_s: float) -> tuple[float | None, float | None, float | None]:
        """(due, the band's lower and upper edge) then."""
        if self._schedule is None:
            return None, None, None
        look_s = float(self._schedule.look_s[0])
        due, low, high = (float(self._schedule.at(moment)[0]) for moment in (at_s, at_s - look_s, at_s + look_s))
        return due, low, high

    def requests(self, since_s: float, until_s: float) -> float:
        return float(self._requests.requests(until_s)[0] - self._requests.requests(since_s)[0])

    def requests_left(self, now_s: int) -> float:
        assert self._flight.ends_at_s is not None
        return max(0.0, self.requests(now_s, self._flight.ends_at_s))


def _projected(
    flight: Flight, line: _Line, done: int, counted: Callable[[float], int], now_s: int
) -> tuple[float | None, int | None]:
    """(delivered by its end, when the goal is reached)."""
    assert flight.target is not None
    goal = flight.target[1]
    since = max(flight.starts_at_s, now_s - RECENT_S)
    if done >= goal or now_s <= since:
        return (float(done), None) if done >= goal else (None, None)
    asked = line.requests(since, now_s)
    if asked <= 0:
        return None, None
    rate = (done - counted(since)) / asked
    runs_until_s = flight.runs_until_s or now_s + LOOK_AHEAD_S
    projected = min(float(goal), done + rate * max(0.0, line.requests(now_s, runs_until_s)))
    return projected, _reached_at(line, now_s, runs_until_s, (goal - done) / rate if rate > 0 else None)


def _reached_at(line: _Line, now_s: int, until_s: int, wanted: float | None) -> int | None:
    """When so many more requests will have come, to the minute; None: not before `until_s`."""
    if wanted is None or line.requests(now_s, until_s) < wanted:
        return None
    low, high = now_s, until_s
    while high - low > 60:
        middle = (low + high) // 2
        low, high = (middle, high) if line.requests(now_s, middle) < wanted else (low, middle)
    return high


def _state(flight: Flight, done: int, due: float | None, low: float | None, high: float | None, now_s: int) -> State:
    if flight.target is not None and done >= flight.target[1]:
        return State.REACHED
    if now_s < flight.starts_at_s:
        return State.NOT_BEGUN
    if flight.runs_until_s is not None and now_s >= flight.runs_until_s:
        return State.ENDED
    if due is None or low is None or high is None:
        return State.RUNNING
    if done < low:
        return State.BEHIND
    return State.AHEAD if done > high else State.ON_SCHEDULE


def _cumulative(flight: Flight, curve: Sequence[tuple[int, int, int]]) -> Callable[[float], int]:
    """From a moment to what had been delivered by then, hour by hour."""
    is_clicks = flight.target is not None and flight.target[0] is Unit.CLICKS
    ends = np.array([at_s + HOUR_S for at_s, _, _ in curve], np.int64)
    sums = np.cumsum([clicks if is_clicks else impressions for _, impressions, clicks in curve])

    def by(at_s: float) -> int:
        hours = int(np.searchsorted(ends, at_s, side="right"))
        return int(sums[hours - 1]) if hours else 0

    return by


def _point(at_s: int, line: _Line | None, counted: Callable[[float], int], now_s: int) -> Point:
    due, low, high = line.due(at_s) if line is not None else (None, None, None)
    return Point(at_s=at_s, due=due, low=low, high=high, delivered=counted(at_s) if at_s <= now_s else None)


def _moments(flight: Flight, now_s: int) -> list[int]:
    """Whole hours from its start to its end, or to now if that is later or there is none; evenly thinned out."""
    last = max(now_s, flight.ends_at_s or now_s, flight.starts_at_s)
    hours = -(-(last - flight.starts_at_s) // HOUR_S)
    step = max(1, -(-hours // (POINTS_MAX - 1)))
    return [flight.starts_at_s + hour * HOUR_S for hour in range(0, hours + step, step)][:POINTS_MAX]
