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

from adengine.serving.draw import EULER, NOISE, SCORE_LEAST, SCORE_MOST, WORTH_LEAST, Floats, uniforms_of

SMALL_MAX = 32
"""Of so many all times are drawn at once, which is sooner done than one after another."""
LONE_MAX = 24
"""Of more so many are drawn one by one; then all who are left together."""
LISTED_MAX = 512
RATE_LEAST = 1e-300
LOG_MOST = 700.0
"""Of a time: e to this is nearly the largest float."""
_REST = 0xFFFD
"""In place of a slot's number, for those who are looked at all together."""
_NAME = Struct("<QHhH")
_WORDS = [Struct(f"<{count}Q") for count in range(2 * SMALL_MAX + 1)]
_BLOCK = 21
"""Words that SHAKE128 gives at once."""
_LOG_2_53 = 53 * math.log(2)
_STEP = 2.0**-53


def words_of(seed: int, slot: int, rank: int, count: int, block: int = 0) -> tuple[int, ...]:
    """Independent words of 64 bits that depend on nothing but their name; (word >> 11) + 0.5 of 2 ** 53 is uniform in
    (0, 1).

    seed: 64 bits.  slot: 16 bits, its number on the page.  rank: of the class.  count: at most 2 * SMALL_MAX.
    """
    words = _WORDS[count]
    return words.unpack(shake_128(_NAME.pack(seed, slot, rank, block)).digest(words.size))


class Lots:
    """Uniform numbers in (0, 1), without end."""

    __slots__ = ("_blocks", "_name", "_words")

    def __init__(self, seed: int, slot: int, rank: int) -> None:
        self._name = (seed, slot, rank)
        self._blocks = 0
        self._words: list[int] = []

    def uniform(self) -> float:
        words = self._words
        if not words:
            self._blocks += 1
            words += words_of(*self._name, _BLOCK, self._blocks)
        return ((words.pop() >> 11) + 0.5) * _STEP


class Entrants:
    """The flights of one class that may stand in a slot, ready to be drawn."""

    __slots__ = ("_height", "_log_rates", "_slope", "cumulative", "flights", "rank", "waits")

    def __init__(
        self, rank: int, flights: NDArray[np.int32], rates: Floats, log_rates: Floats | None, score: float
    ) -> None:
        """score: whose rate is 1; NaN: they are drawn by weight."""
        self.rank = rank
        self.flights: Sequence[int] | NDArray[np.int32] = flights.tolist() if flights.size <= SMALL_MAX else flights
        """Rows of the snapshot's flights; shape (n,), as all below."""
        sums = rates.cumsum()
        self.cumulative: Sequence[float] | Floats = sums.tolist() if sums.size <= LISTED_MAX else sums
        """Of their rates; a list where it is short, which is searched faster."""
        self._log_rates = log_rates
        self.waits: list[float] | None = None
        """How long each takes on average, where they are few."""
        if flights.size <= SMALL_MAX:
            self.waits = np.exp(np.minimum(-self.log_rates, LOG_MOST)).tolist()
        self._slope = math.nan if math.isnan(score) else NOISE / (SCORE_MOST - SCORE_LEAST)
        self._height = (score - NOISE * EULER - SCORE_LEAST) / (SCORE_MOST - SCORE_LEAST)

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
        worth = self._height - self._slope * math.log(time)
        if worth != worth:  # drawn by weight
            return math.exp(-time * self.total)
        return worth if WORTH_LEAST < worth < 1.0 else WORTH_LEAST if worth < 1.0 else 1.0


class Choice(NamedTuple):
    """A candidate for a slot."""

    rank: int
    worth: float
    row: int


def arrivals(entrants: Entrants, seed: int, slot: int) -> Iterable[tuple[int, float, float]]:
    """(flight, time, lot) of all of a class, in the order in which they arrive in a slot.

    flight: a row.  lot: one more uniform number in (0, 1), for whatever has to be drawn about him.  Nothing that is
    made of one changes who comes next, so that a page that is drawn again without some has the others as they were.
    seed: 64 bits.  slot: its number on the page.
    """
    if entrants.waits is None:
        return _one_by_one(entrants, Lots(seed, slot, entrants.rank))
    log, flights, count = math.log, entrants.flights, len(entrants.waits)
    words = words_of(seed, slot, entrants.rank, 2 * count)
    come = [
        ((_LOG_2_53 - log((word >> 11) + 0.5)) * wait, at)
        for word, wait, at in zip(words, entrants.waits, range(count), strict=False)
    ]
    come.sort()
    return [(int(flights[at]), time, ((words[count + at] >> 11) + 0.5) * _STEP) for time, at in come]


def _one_by_one(entrants: Entrants, lots: Lots) -> Iterator[tuple[int, float, float]]:
    uniform, flights = lots.uniform, entrants.flights
    total = left = entrants.total
    time = 0.0
    arrived: set[int] = set()
    most = len(flights) - 1
    while len(arrived) < LONE_MAX and left > total / 2:
        while (index := min(bisect_right(entrants.cumulative, uniform() * total), most)) in arrived:
            pass  # most of the rates are of those who are left, so this soon ends
        arrived.add(index)
        time -= math.log(uniform()) / left
        yield int(flights[index]), time, uniform()
        left -= entrants.rate(index)
    for log_wait, index in _all_left(entrants, lots, arrived):
        # The past is no matter to those who are left.
        yield int(flights[index]), time + math.exp(min(log_wait, LOG_MOST)), uniform()


def _all_left(entrants: Entrants, lots: Lots, arrived: set[int]) -> Iterable[tuple[float, int]]:
    """(log of the time that it takes, index) of all who are left, in order."""
    flights = np.asarray(entrants.flights)
    left = np.delete(np.arange(flights.size), list(arrived))
    seed = int(lots.uniform() * 2.0**53)
    uniforms = uniforms_of(seed, _REST, flights[left].astype(np.int64), np.zeros_like(left))
    waits = np.log(-np.log(uniforms)) - entrants.log_rates[left]
    order = np.argsort(waits, kind="stable")
    return zip(waits[order].tolist(), left[order].tolist(), strict=True)
