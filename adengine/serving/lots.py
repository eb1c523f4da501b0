"""Who of a class stands in a slot, drawn without looking at all of them. Pure.

A class is drawn as a race: everybody arrives after an exponential time with his own rate, and the order of arrival is
the drawn order (Efraimidis & Spirakis, IPL 97, 2006). By weight the rate is the weight; by score it is exp(score ÷
NOISE), because the highest of scores with Gumbel noise is such a race too (Gumbel 1954; Yellott 1977). Who arrives next
needs no look at the others: the time to it is exponential with the rate of all who are left, and it is each of them in
proportion to his rate. So a draw costs a binary search, and one who may not stand here after all is simply passed by,
which leaves the others' chances as they are. Only when that happens too often, or when hardly anything of the rates is
left, are all who are left looked at.

`draw.drawn` is the same race with all times drawn; tests hold both to one law.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from hashlib import shake_128
from itertools import chain, count
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adengine.serving.draw import EULER, NOISE, SCORE_LEAST, SCORE_MOST, WORTH_LEAST, Floats, uniforms_of

LONE_MAX = 24
"""So many are drawn one by one; then all who are left together."""
LEFT_LEAST = 1e-9
"""Of all rates: less than it is not told from none exactly enough."""
FEW = 12
LISTED_MAX = 512
RATE_LEAST = 1e-300
LOG_MOST = 700.0
"""Of a time: e to this is nearly the largest float."""
_PAGE, _REST = 0xFFFF, 0xFFFD
"""In place of a slot's number, for a whole page, and for those who are looked at all together."""
_NAME = Struct("<QHhH")
_BLOCK = Struct("<21Q")
"""As much as SHAKE128 gives at once."""
_STEP = 2.0**-53
DRAWS_A_SLOT = 7
Draws = Sequence[float]
"""Uniform in (0, 1)."""


def page_draws(seed: int, slots: int) -> list[Draws]:
    """The first draws for each slot of a page; made at once for the first few slots, as most pages need no more.

    seed: 64 bits.
    """
    draws = _block(seed, _PAGE, 0, 0)
    return [draws[slot * DRAWS_A_SLOT : (slot + 1) * DRAWS_A_SLOT] for slot in range(slots)]


def uniforms(seed: int, slot: int, rank: int, first: Draws = ()) -> Iterator[float]:
    """Independent uniform numbers in (0, 1), without end, that depend on nothing but their name.

    slot: its number on the page.  rank: of the class.  first: draws that nobody else is given.
    """
    return chain(first, chain.from_iterable(_block(seed, slot, rank, block) for block in count(1)))


def _block(seed: int, slot: int, rank: int, block: int) -> Draws:
    words = _BLOCK.unpack(shake_128(_NAME.pack(seed, slot, rank, block)).digest(_BLOCK.size))
    return [((word >> 11) + 0.5) * _STEP for word in words]


class Entrants:
    """The flights of one class that may stand in a slot, ready to be drawn."""

    __slots__ = ("_log_rates", "cumulative", "flights", "height", "log_waits", "racer", "rank", "slope")

    def __init__(
        self, rank: int, flights: NDArray[np.int32], rates: Floats, log_rates: Floats | None, score: float
    ) -> None:
        """score: whose rate is 1; NaN: they are drawn by weight."""
        self.rank = rank
        self.racer: object = None
        """The same as `express` has it, once that has asked."""
        self.flights: Sequence[int] | NDArray[np.int32] = flights.tolist() if flights.size <= LISTED_MAX else flights
        """Rows of the snapshot's flights; shape (n,), as all below."""
        sums = rates.cumsum()
        self.cumulative: Sequence[float] | Floats = sums.tolist() if sums.size <= LISTED_MAX else sums
        """Of their rates; a list where it is short, which is searched faster."""
        self._log_rates = log_rates
        self.log_waits: list[float] | None = (-self.log_rates).tolist() if flights.size <= FEW else None
        """Of how long each takes on average, where they are few."""
        self.slope = math.nan if math.isnan(score) else NOISE / (SCORE_MOST - SCORE_LEAST)
        self.height = (score - NOISE * EULER - SCORE_LEAST) / (SCORE_MOST - SCORE_LEAST)

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

    def listed(self) -> NDArray[np.integer[Any]]:
        """All of `flights`."""
        return np.asarray(self.flights)

    def __len__(self) -> int:
        return len(self.flights)

    @property
    def total(self) -> float:
        return float(self.cumulative[-1])

    def find(self, at: float) -> tuple[int, int, float, float]:
        """(place, flight, where he begins, rate) of who stands at `at` of the sum of all rates, from 0 to `total`."""
        sums = self.cumulative
        place = bisect_right(sums, at, 0, len(sums) - 1)
        begin = sums[place - 1] if place else 0.0
        return place, int(self.flights[place]), begin, sums[place] - begin

    def worth(self, time: float) -> float:
        """Of one who arrives at `time`, as `draw.drawn` has it: in [0, 1], never rising."""
        worth = self.height - self.slope * math.log(time)
        if worth != worth:  # drawn by weight
            return math.exp(-time * self.total)
        return worth if WORTH_LEAST < worth < 1.0 else WORTH_LEAST if worth < 1.0 else 1.0


class Choice(NamedTuple):
    """A candidate for a slot."""

    rank: int
    worth: float
    row: int


def arrivals(entrants: Entrants, seed: int, slot: int, first: Draws = ()) -> Iterator[tuple[int, float, float]]:
    """(flight, time, lot) of all of a class, in the order in which they arrive in a slot.

    flight: a row.  lot: one more uniform number in (0, 1), for whatever has to be drawn about him.  Nothing that is
    made of one changes who comes next, so that a page that is drawn again without some has the others as they were.
    seed: 64 bits.  slot: its number on the page.  first: as `uniforms` takes it.
    """
    draws = uniforms(seed, slot, entrants.rank, first)
    total = left = entrants.total
    time = 0.0
    arrived: list[tuple[float, float, int]] = []
    while len(arrived) < LONE_MAX and left > total * LEFT_LEAST:
        at = next(draws) * left
        for begin, rate, _ in arrived:
            if at < begin:
                break
            at += rate
        place, flight, begin, rate = entrants.find(at)
        if (begin, rate, place) in arrived:
            continue  # a rounding error
        insort(arrived, (begin, rate, place))
        time -= math.log(next(draws)) / left
        yield flight, time, next(draws)
        left -= rate
    few, gone = entrants.log_waits, {place for *_, place in arrived}
    for log_wait, flight in _few(entrants, few, draws, gone) if few is not None else _many(entrants, draws, gone):
        # The past is no matter to those who are left.
        yield flight, time + math.exp(min(log_wait, LOG_MOST)), next(draws)


def _few(
    entrants: Entrants, log_waits: list[float], draws: Iterator[float], gone: set[int]
) -> Iterable[tuple[float, int]]:
    """(log of how long it takes from now, flight) of all but those at the places `gone`, in order."""
    log, flights = math.log, entrants.flights
    left = [(at, wait) for at, wait in enumerate(log_waits) if at not in gone]
    return sorted([(log(-log(next(draws))) + wait, int(flights[at])) for at, wait in left])


def _many(entrants: Entrants, draws: Iterator[float], gone: set[int]) -> Iterable[tuple[float, int]]:
    """The same, where a call to numpy is sooner done."""
    flights = entrants.listed()
    left = np.delete(np.arange(flights.size), list(gone))
    seed = int(next(draws) * 2.0**53)
    uniform = uniforms_of(seed, _REST, flights[left].astype(np.int64), np.zeros_like(left))
    waits = np.log(-np.log(uniform)) - entrants.log_rates[left]
    order = np.argsort(waits, kind="stable")
    return zip(waits[order].tolist(), flights[left[order]].tolist(), strict=True)
