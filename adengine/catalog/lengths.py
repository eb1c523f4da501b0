"""How long lines are, to be compared with how much room there is, exactly. Pure.

A length is kept as its place among all lengths that any line of the catalogue has, ascending. `length <= most` says the
same as `place < number of lengths <= most`, so nothing is rounded and no line fits that did not. Fonts count in 1/1000
or 1/2048 em and lines end somewhere, so there are few lengths: 60 000 unlike lines have 102 of them in mono, 17 000 in
Arial and 40 000 in a proportional font of finer units. A place takes one or two bytes, four beyond 65 535 lengths.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Places: TypeAlias = NDArray[np.unsignedinteger[Any]]
Mask: TypeAlias = NDArray[np.bool_]
NO_LINE = -1
"""The number of a line that a creative has not."""


class Lengths:
    """Of lines, in one unit."""

    __slots__ = ("_all", "_places")

    def __init__(self, all_: NDArray[np.float64], places: Places) -> None:
        """all_: every length once, ascending.  places: of any shape; `all_.size` where there is no line."""
        self._all, self._places = all_, places

    def fitting(self, most: float) -> Mask:
        """Which are at most so long; the shape of the lines."""
        return self._places < self._before(most)

    def fitting_of(self, row: int, most: float) -> Mask:
        """The same of one row."""
        found: Mask = self._places[row] < self._before(most)
        return found

    def steps(self) -> NDArray[np.float64]:
        """The lengths that occur here, ascending."""
        there = np.unique(self._places)
        return self._all[there[there < self._all.size]]

    def values(self) -> NDArray[np.float64]:
        """As they were; infinite where there is no line."""
        return np.append(self._all, np.inf)[self._places]

    def _before(self, most: float) -> int:
        return int(self._all.searchsorted(most, "right"))


def placed(lengths: list[float], numbers: NDArray[np.int32]) -> tuple[NDArray[np.float64], Places]:
    """As `Lengths` takes them.  lengths: in any order, each once.  numbers: into `lengths`, or `NO_LINE`."""
    values = np.array(lengths, np.float64)
    order = np.argsort(values)
    place = np.empty(values.size + 1, np.min_scalar_type(values.size))
    place[order] = np.arange(values.size)
    place[NO_LINE] = values.size
    return values[order], place[numbers]


def numbers_of(all_: NDArray[np.float64], places: Places) -> NDArray[np.int32]:
    """The numbers that `placed` took, of lengths in this order."""
    return np.where(places == all_.size, NO_LINE, places.astype(np.int64)).astype(np.int32)
