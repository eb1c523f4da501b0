"""A class of very many flights that are drawn by weight, ready to be drawn and not listed. Pure.

`lots.Entrants` has a number and a sum for each flight, 12 bytes for every kind of page. Here the sums of blocks of
flights are kept, and the flights of one block are put together again whenever a draw names it, out of the sets that all
pages share (`serving.bitsets`). Whoever is drawn is the same one.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adengine.serving.bitsets import Bits, FlightRows, common
from adengine.serving.draw import Floats
from adengine.serving.lots import RATE_LEAST, Entrants

SHIFT = 9
"""A block is 2 to this flights: 250 000 flights have 489 of them, and one is put together in 8 µs."""


class Levels(NamedTuple):
    """What the chance of each flight is multiplied by (`serving.closeness`): few figures, and which one it is."""

    table: Floats
    which: NDArray[np.unsignedinteger[Any]]
    """Shape (flights,)."""

    @classmethod
    def of_factors(cls, factors: Floats) -> Levels | None:
        """factors: of all flights.  None: they are all 1."""
        unlike = np.flatnonzero(factors != 1)
        if not unlike.size:
            return None
        values, which = np.unique(factors[unlike], return_inverse=True)
        found = np.zeros(factors.size, np.min_scalar_type(values.size))
        found[unlike] = which + 1
        return cls(np.append(1.0, values), found)

    def of(self, flights: FlightRows) -> Floats:
        found: Floats = self.table.take(self.which.take(flights))
        return found


class Crowd(Entrants):
    """As `Entrants.by_weight` of the same flights."""

    __slots__ = ("_begin", "_counts", "_end", "_first_block", "_levels", "_sets", "_sums", "_weights")

    def __init__(
        self,
        rank: int,
        span: tuple[int, int],
        sets: Sequence[Bits],
        flights: FlightRows,
        weights: Floats,
        levels: Levels | None,
    ) -> None:
        """span: the rows of the class's flights, (from, before).  flights: those in all of `sets` among them; one or
        more; not kept.  weights: of all flights of the snapshot."""
        self.rank = rank
        self.racer = self.log_waits = None
        self.slope = self.height = math.nan
        self._begin, self._end = span
        self._sets = tuple(sets)
        self._weights, self._levels = weights, levels
        self._first_block = int(flights[0]) >> SHIFT
        edges = np.arange(self._first_block, (int(flights[-1]) >> SHIFT) + 1) << SHIFT
        begins = flights.searchsorted(edges)
        counts = np.diff(begins, append=flights.size)
        sums = np.zeros(edges.size)
        sums[counts > 0] = np.add.reduceat(self._rates(flights), begins[counts > 0])
        self._sums = array("d", sums.cumsum().tobytes())
        self._counts = array("q", counts.cumsum().tobytes())
        """These two: behind each block."""

    @property
    def nbytes(self) -> int:
        """Of its own; the sets are shared."""
        return 16 * len(self._sums)

    @property
    def total(self) -> float:
        return self._sums[-1]

    def find(self, at: float) -> tuple[int, int, float, float]:
        block = min(bisect_right(self._sums, at), len(self._sums) - 1)
        flights = self._in_block(block)
        sums = self._rates(flights).cumsum()
        before, first = (self._sums[block - 1], self._counts[block - 1]) if block else (0.0, 0)
        place = min(int(sums.searchsorted(at - before, "right")), flights.size - 1)
        begin = float(sums[place - 1]) if place else 0.0
        return first + place, int(flights[place]), before + begin, float(sums[place]) - begin

    def listed(self) -> FlightRows:
        return common(self._sets, self._begin, self._end)

    @property
    def log_rates(self) -> Floats:
        found: Floats = np.log(np.maximum(self._rates(self.listed()), RATE_LEAST))
        return found

    def __len__(self) -> int:
        return self._counts[-1]

    def _rates(self, flights: FlightRows) -> Floats:
        rates = self._weights.take(flights)
        return rates if self._levels is None else rates * self._levels.of(flights)

    def _in_block(self, block: int) -> FlightRows:
        begin = (self._first_block + block) << SHIFT
        return common(self._sets, max(begin, self._begin), min(begin + (1 << SHIFT), self._end))
