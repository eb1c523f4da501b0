"""Who of a class stands in a slot, drawn without looking at all of them. Pure.

A class is drawn as a race: everybody arrives after an exponential time with his own rate, and the order of arrival is
the drawn order (Efraimidis & Spirakis, IPL 97, 2006). By weight the rate is the weight; by score it is exp(score ÷
NOISE), because the highest of scores with Gumbel noise is such a race too (Gumbel 1954; Yellott 1977). Who arrives next
needs no look at the others: the time to it is exponential with the rate of all who are left, and it is each of them in
proportion to his rate. So a draw costs a binary search, and one who may not stand here after all is simply passed by,
which leaves the others' chances as they are. Only when that happens too often are all who are left looked at.

`draw.drawn` is the same race with all times drawn; tests hold both to one law.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adengine.serving.draw import EULER, GOLDEN, NOISE, WORD, Floats, mixed, uniforms_of, worth_of_score

LONE_MAX = 24
"""So many are drawn one by one; then all who are left together."""
FEW = 12
LISTED_MAX = 512
RATE_LEAST = 1e-300
LOG_MOST = 700.0
"""Of a time: e to this is nearly the largest float."""
_REST = 0xFFFD
"""In place of a slot's number, for those who are looked at all together."""
_TIMES = 0x10000
"""Marks a slot's number, for when who arrives does so."""


class Lots:
    """A stream of independent uniform numbers in (0, 1) that depends on nothing but its name."""

    __slots__ = ("_state",)

    def __init__(self, seed: int, slot: int, rank: int) -> None:
        self._state = mixed(seed ^ (slot * 0xD1B54A32D192ED03 + rank * 0x8CB92BA72F3D8DD7) & WORD)

    def uniform(self) -> float:
        self._state = state = self._state + GOLDEN & WORD
        return ((mixed(state) >> 11) + 0.5) * 2.0**-53

    def exponential(self) -> float:
        """Of rate 1."""
        return -math.log(self.uniform())


class Entrants:
    """The flights of one class that may stand in a slot, ready to be drawn."""

    __slots__ = ("_log_rates", "cumulative", "flights", "rank", "score")

    def __init__(
        self, rank: int, flights: NDArray[np.int32], rates: Floats, log_rates: Floats | None, score: float
    ) -> None:
        self.rank = rank
        self.flights = flights
        """Rows of the snapshot's flights; shape (n,), as all below."""
        self.score = score
        """Whose rate is 1; NaN: they are drawn by weight."""
        sums = rates.cumsum()
        self.cumulative: Sequence[float] | Floats = sums.tolist() if sums.size <= LISTED_MAX else sums
        """Of their rates; a list where it is short, which is searched faster."""
        self._log_rates = log_rates

    @classmethod
    def by_weight(cls, rank: int, flights: NDArray[np.int32], weights: Floats) -> Entrants:
        return cls(rank, flights, weights / weights.max(), None, math.nan)

    @classmethod
    def by_score(cls, rank: int, flights: NDArray[np.int32], scores: Floats) -> Entrants:
        most = float(scores.max())
        log_rates = (scores - most) / NOISE
        return cls(rank, flights, np.exp(log_rates), log_rates, most)

    @property
    def log_rates(self) -> Floats:
        """The highest is 0."""
        if self._log_rates is None:
            rates = np.diff(np.asarray(self.cumulative), prepend=0.0)
            self._log_rates = np.log(np.maximum(rates, RATE_LEAST))
        return self._log_rates

    @property
    def total(self) -> float:
        return float(self.cumulative[-1])

    def find(self, at: float) -> int:
        """Who stands at `at` of the sum of all rates, from 0 to `total`."""
        return min(bisect_right(self.cumulative, at), len(self.flights) - 1)

    def rate(self, index: int) -> float:
        return float(self.cumulative[index] - (self.cumulative[index - 1] if index else 0.0))

    def worth(self, time: float) -> float:
        """Of one who arrives at `time`, as `draw.drawn` has it: in [0, 1], never rising."""
        if math.isnan(self.score):
            return math.exp(-time * self.total)
        return worth_of_score(self.score - NOISE * (math.log(time) + EULER))


class Choice(NamedTuple):
    """A candidate for a slot."""

    rank: int
    worth: float
    row: int


Creatives = Callable[[int, Lots], Iterator[int]]
"""From a flight (row) to those of its candidates that may stand here, in drawn order; none, if it may not."""


def race(entrants: Entrants, seed: int, slot: int, creatives: Creatives) -> Iterator[Choice]:
    """All who may stand in `slot`, best first."""
    lots = Lots(seed, slot, entrants.rank)
    for index, time in _arrivals(entrants, lots, Lots(seed, slot ^ _TIMES, entrants.rank)):
        worth: float | None = None
        for row in creatives(int(entrants.flights[index]), lots):
            worth = entrants.worth(time) if worth is None else worth
            yield Choice(entrants.rank, worth, row)


def winner(entrants: Entrants, seed: int, slot: int, creatives: Creatives) -> int | None:
    """The candidate that `race` names first, sooner; None if the first to arrive may not stand here."""
    lots = Lots(seed, slot, entrants.rank)
    total = entrants.total
    return next(creatives(int(entrants.flights[_next(entrants, lots, total, ())]), lots), None)


def _arrivals(entrants: Entrants, lots: Lots, times: Lots) -> Iterator[tuple[int, float]]:
    """(index, time) of all in the order in which they arrive."""
    total = left = entrants.total
    time = 0.0
    arrived: set[int] = set()
    while len(arrived) < LONE_MAX and left > total / 2:
        time += times.exponential() / left
        index = _next(entrants, lots, total, arrived)
        arrived.add(index)
        yield index, time
        left -= entrants.rate(index)
    waits = _few(entrants, lots, arrived) if len(entrants.flights) <= FEW else _many(entrants, lots, arrived)
    for log_wait, index in waits:
        yield index, time + math.exp(min(log_wait, LOG_MOST))  # the past is no matter to those who are left


def _next(entrants: Entrants, lots: Lots, total: float, arrived: Collection[int]) -> int:
    """Whoever of those who are left is next; they are more than half of all."""
    while True:
        index = entrants.find(lots.uniform() * total)
        if index not in arrived:
            return index


def _few(entrants: Entrants, lots: Lots, arrived: set[int]) -> Iterable[tuple[float, int]]:
    """(log of the time that it takes, index) of all who are left, in order."""
    rates = entrants.log_rates.tolist()
    return sorted(
        (math.log(lots.exponential()) - rate, index) for index, rate in enumerate(rates) if index not in arrived
    )


def _many(entrants: Entrants, lots: Lots, arrived: set[int]) -> Iterable[tuple[float, int]]:
    """The same, where a call to numpy is sooner done."""
    left = np.delete(np.arange(len(entrants.flights)), list(arrived))
    seed = int(lots.uniform() * 2.0**53)
    uniforms = uniforms_of(seed, _REST, entrants.flights[left].astype(np.int64), np.zeros_like(left))
    waits = np.log(-np.log(uniforms)) - entrants.log_rates[left]
    order = np.argsort(waits, kind="stable")
    return zip(waits[order].tolist(), left[order].tolist(), strict=True)
