"""The controller: how strongly each flight asks for pages, from how far it is from its schedule. Pure.

A dual price with a proportional and an integral part (the design's DUAL-PI). With x the schedule, D what was delivered
and τ a look ahead:

    err = clip((x(t) − D) / max(x(t + τ) − x(t), 1e-4 · goal), −3, 3)
    λ ← clip(λ + κi · h · err · dt / 300 s, −20, Λ)        h = 5 where err ≥ 2, else 1
    s = min(Λ, λ + κp · err)

Λ grows with priority, in three steps: between flights with a goal priority is how high one may bid. Who is `FAR`
behind and more raises λ `HURRY` times as fast, so that of what is oversold the lowest priority bears most before the
flights have ended; who keeps to his schedule never gets there.

A flight is open while D < goal and err > −1: never past the schedule of t + τ. What it brings into the draw is
s + WORTH; below 0 it stays away (`serving.pace`). Whatever has a goal but no end, or is to be delivered as soon as
possible, is open until its goal and asks with Λ. Without a goal there is no score: it is drawn by weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.nouns import Flight
from adengine.pacing.schedule import Floats, Schedule, is_scheduled
from adengine.pacing.sheet import Sheet

GAIN_I, PER_S = 0.03, 300.0
GAIN_P = 3.0
ERR_MOST = 3.0
FAR, HURRY = 2.0, 5.0
"""Without it, priority 3 is short by up to 1.4 % of a three-day book that is sold to 119 %; books that are sold to
85 % are delivered alike with and without it."""
RATE_LEAST = 1e-4
STRENGTH_LEAST = -20.0
STRENGTH_MOST = ((3, 40.0), (7, 20.0), (10, 10.0))
"""(priority up to, Λ)."""
STEP_MAX_S = PER_S
"""A controller that slept longer does not make up for it."""
WORTH = 1.0
"""Of a page, as long as all pages are worth the same to a flight."""


class Controller:
    def __init__(self) -> None:
        self._strength: dict[int, float] = {}
        self._flights: tuple[Flight, ...] = ()
        self._schedule = Schedule((), np.empty((0, 168)))
        self._scheduled = np.empty(0, np.int64)
        self._stepped_s: float | None = None
        self._columns = (np.empty(0), np.empty(0), np.empty(0, bool))

    @classmethod
    def resumed(cls, sheet: Sheet) -> Controller:
        """Goes on where the maker of `sheet` stopped."""
        controller = cls()
        known = np.isfinite(sheet.strength)  # engines of before had NaN of a goal that came to nothing
        controller._strength = dict(zip(sheet.flight[known].tolist(), sheet.strength[known].tolist(), strict=True))
        return controller

    def book(self, flights: Sequence[Flight], profiles: Floats) -> None:
        """What is controlled from now on; flights known before keep their λ. Columns are those of the next `step`.

        flights: by rising id.  profiles: shape (flights, 168).
        """
        self._flights = tuple(flights)
        self._scheduled = np.array([row for row, flight in enumerate(flights) if is_scheduled(flight)], np.int64)
        self._schedule = Schedule([flights[row] for row in self._scheduled.tolist()], profiles[self._scheduled])
        self._strength = {flight.id: self._strength.get(flight.id, 0.0) for flight in flights}

    def step(self, delivered: Floats, now_s: float) -> None:
        """delivered: of each flight's goal, in its unit; shape (flights,)."""
        passed_s = 0.0 if self._stepped_s is None else min(max(now_s - self._stepped_s, 0.0), STEP_MAX_S)
        self._stepped_s = now_s
        most = np.array([strength_most(flight) for flight in self._flights])
        strength = np.array([self._strength[flight.id] for flight in self._flights])
        score = np.where([flight.target is not None for flight in self._flights], most + WORTH, np.nan)
        gate = np.ones(len(self._flights), bool)
        rows = self._scheduled
        err = self._errors(delivered[rows], now_s)
        gain = GAIN_I * np.where(err >= FAR, HURRY, 1.0)
        strength[rows] = np.clip(strength[rows] + gain * err * passed_s / PER_S, STRENGTH_LEAST, most[rows])
        score[rows] = np.minimum(most[rows], strength[rows] + GAIN_P * err) + WORTH
        gate[rows] = err > -1.0
        self._strength = dict(zip((flight.id for flight in self._flights), strength.tolist(), strict=True))
        self._columns = (score, strength, gate)

    def columns(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """score, λ and whether its schedule lets it be shown, as of the last step; shape (flights,) each."""
        return self._columns

    def _errors(self, delivered: Floats, now_s: float) -> Floats:
        due = self._schedule.at(now_s)
        rate = np.maximum(self._schedule.at(now_s + self._schedule.look_s) - due, RATE_LEAST * self._schedule.goal)
        return np.clip((due - delivered) / rate, -ERR_MOST, ERR_MOST)


def strength_most(flight: Flight) -> float:
    """Λ of its priority."""
    return next(most for upto, most in STRENGTH_MOST if flight.priority <= upto)
