"""When a goal ought to be reached how far: in proportion to the pages that will have come. Pure.

With F(t) the requests from a flight's start to t by its weekly profile, e = goal · F(t) / F(end), and

    x(t) = min(goal, e · (1 + ahead · (1 − e / goal)))

runs a little ahead in the beginning, so that an end never comes too soon. "end" is a little before the flight's, so
that lines which were leased last and never seen can be made up for. Arrays have a row per flight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.nouns import Flight
from adengine.pacing.forecast import HOUR_S, HOURS, MONDAY_S

Floats = NDArray[np.float64]

AHEAD = {"even": 0.05, "front": 0.25, "asap": 0.0}
LOOK_MAX_S = 12 * HOUR_S
LOOK_PART = 8
"""A flight is judged by how far it is from its schedule a look away: an eighth of its length, at most twelve hours."""

TAIL_MAX_S, TAIL_PART = 600, 50
"""A goal is due a fiftieth of its flight before the end, at most ten minutes;"""
TAIL_GAPS, TAIL_PART_MOST = 5, 20
"""or so many of its pages before, if they come seldom, because the last ones may stay away: at most a twentieth."""


class Schedule:
    """Of several flights with a goal and an end."""

    def __init__(self, flights: Sequence[Flight], profiles: Floats) -> None:
        """profiles: shape (flights, 168), requests by hour of the week, no row all 0 (`forecast.profiles_of`)."""
        self.goal = np.array([_goal(flight) for flight in flights], np.float64)
        self._starts = np.array([flight.starts_at_s for flight in flights], np.float64)
        self._ends = np.array([_end(flight) for flight in flights], np.float64)
        self._ahead = np.array([AHEAD[flight.pacing] for flight in flights])
        self.look_s = np.minimum(LOOK_MAX_S, (self._ends - self._starts) / LOOK_PART)
        self._weekly = np.concatenate([np.zeros((len(flights), 1)), np.cumsum(profiles, axis=1)], axis=1)
        spans = [(row, *span) for row, flight in enumerate(flights) for span in _dark_spans(flight)]
        self._dark = np.array([row for row, _, _ in spans], np.int64)
        self._dark_from = np.array([from_s for _, from_s, _ in spans], np.float64)
        self._dark_to = np.array([to_s for _, _, to_s in spans], np.float64)
        self._whole = self.requests(self._ends - _tails_s(self._ends - self._starts, self.goal))

    def at(self, at_s: float | Floats) -> Floats:
        """How many are due by then, of the goal's unit; shape (flights,). at_s: one moment, or one per flight."""
        part = np.divide(self.requests(at_s), self._whole, out=np.ones_like(self.goal), where=self._whole > 0)
        even = self.goal * np.clip(part, 0.0, 1.0)
        due: Floats = np.minimum(self.goal, even * (1 + self._ahead * (1 - even / self.goal)))
        return due

    def requests(self, until_s: float | Floats) -> Floats:
        """Those from each flight's start until then, or its end, without blackouts; shape (flights,)."""
        until = np.clip(np.broadcast_to(np.asarray(until_s, np.float64), self.goal.shape), self._starts, self._ends)
        every = np.arange(len(self.goal))
        found = self._between(every, self._starts, until)
        if len(self._dark):
            row = self._dark
            since = np.clip(self._dark_from, self._starts[row], until[row])
            dark = self._between(row, since, np.clip(self._dark_to, since, until[row]))
            found = found - np.bincount(row, dark, minlength=len(self.goal))
        return np.maximum(found, 0.0)

    def _between(self, rows: NDArray[np.int64], since: Floats, until: Floats) -> Floats:
        return self._since_monday(rows, until) - self._since_monday(rows, since)

    def _since_monday(self, rows: NDArray[np.int64], at_s: Floats) -> Floats:
        weeks, rest_s = np.divmod(at_s - MONDAY_S, HOURS * HOUR_S)
        hour = np.minimum((rest_s // HOUR_S).astype(np.int64), HOURS - 1)
        begun = self._weekly[rows, hour]
        found: Floats = (
            weeks * self._weekly[rows, HOURS]
            + begun
            + (self._weekly[rows, hour + 1] - begun) * (rest_s - hour * HOUR_S) / HOUR_S
        )
        return found


def is_scheduled(flight: Flight) -> bool:
    """Whether its goal is spread over time; else it is as soon as possible."""
    return bool(flight.target and flight.target[1]) and flight.ends_at_s is not None and flight.pacing != "asap"


def _dark_spans(flight: Flight) -> list[tuple[int, int]]:
    """Its blackouts as (from, before), none of which overlap: what two of them cover is dark once."""
    found: list[tuple[int, int]] = []
    seen_until_s = 0
    for span in sorted(flight.blackouts, key=lambda span: span.from_s):
        if span.to_s > seen_until_s:
            found.append((max(span.from_s, seen_until_s), span.to_s))
            seen_until_s = span.to_s
    return found


def _tails_s(lengths_s: Floats, goals: Floats) -> Floats:
    """How long before its end each goal is due; shape (flights,)."""
    gaps_s = np.minimum(TAIL_GAPS * lengths_s / np.maximum(goals, 1), lengths_s / TAIL_PART_MOST)
    found: Floats = np.maximum(np.minimum(TAIL_MAX_S, lengths_s / TAIL_PART), gaps_s)
    return found


def _goal(flight: Flight) -> int:
    assert flight.target is not None
    return flight.target[1]


def _end(flight: Flight) -> int:
    assert flight.ends_at_s is not None
    return flight.ends_at_s
