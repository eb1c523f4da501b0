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
from collections.abc import Iterable, Iterator, Sequence
from hashlib import shake_128
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adengine.serving.draw import EULER, NOISE, Floats, uniforms_of, worth_of_score

LONE_MAX = 24
"""So many are drawn one by one; then all who are left together."""
FEW = 12
LISTED_MAX = 512
RATE_LEAST = 1e-300
LOG_MOST = 700.0
"""Of a time: e to this is nearly the largest float."""
_REST = 0xFFFD
"""In place of a slot's number, for those who are looked at all together."""
_NAME = Struct("<QHhH")
_BLOCK = Struct("<21Q")
"""As much as SHAKE128 gives at once."""


class Lots:
    """A stream of independent uniform numbers in (0, 1) that depends on nothing but its name."""

    __slots__ = ("_blocks", "_name", "_words")

    def __init__(self, seed: int, slot: int, rank: int) -> None:
        """seed: 64 bits.  slot: 16 bits, its number on the page.  rank: of the class."""
        self._name = (seed, slot, rank)
        self._blocks = 0
        self._words: list[int] = []

    def uniform(self) -> float:
        words = self._words
        if not words:
            words += _BLOCK.unpack(shake_128(_NAME.pack(*self._name, self._blocks)).digest(_BLOCK.size))
            self._blocks += 1
        return ((words.pop() >> 11) + 0.5) * 2.0**-53


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


class Arrival(NamedTuple):
    entrant: int
    """Among the entrants."""
    time: float
    lot: float
    """One more uniform number in (0, 1), for whatever has to be drawn about him."""


def arrivals(entrants: Entrants, seed: int, slot: int) -> Iterator[Arrival]:
    """All of a class, in the order in which they arrive in a slot.  seed: 64 bits.  slot: its number on the page.

    Nothing that is made of one changes who comes next, so that a page that is drawn again without some of them has the
    others as they were.
    """
    lots = Lots(seed, slot, entrants.rank)
    uniform = lots.uniform
    total = left = entrants.total
    time = 0.0
    arrived: set[int] = set()
    most = len(entrants.flights) - 1
    while len(arrived) < LONE_MAX and left > total / 2:
        while (index := min(bisect_right(entrants.cumulative, uniform() * total), most)) in arrived:
            pass  # most of the rates are of those who are left, so this soon ends
        arrived.add(index)
        time -= math.log(uniform()) / left
        yield Arrival(index, time, uniform())
        left -= entrants.rate(index)
    waits = _few(entrants, lots, arrived) if most < FEW else _many(entrants, lots, arrived)
    for log_wait, index in waits:
        # The past is no matter to those who are left.
        yield Arrival(index, time + math.exp(min(log_wait, LOG_MOST)), uniform())


def _few(entrants: Entrants, lots: Lots, arrived: set[int]) -> Iterable[tuple[float, int]]:
    """(log of the time that it takes, index) of all who are left, in order."""
    rates = entrants.log_rates.tolist()
    return sorted(
        (math.log(-math.log(lots.uniform())) - rate, index) for index, rate in enumerate(rates) if index not in arrived
    )


def _many(entrants: Entrants, lots: Lots, arrived: set[int]) -> Iterable[tuple[float, int]]:
    """The same, where a call to numpy is sooner done."""
    left = np.delete(np.arange(len(entrants.flights)), list(arrived))
    seed = int(lots.uniform() * 2.0**53)
    uniforms = uniforms_of(seed, _REST, entrants.flights[left].astype(np.int64), np.zeros_like(left))
    waits = np.log(-np.log(uniforms)) - entrants.log_rates[left]
    order = np.argsort(waits, kind="stable")
    return zip(waits[order].tolist(), left[order].tolist(), strict=True)
