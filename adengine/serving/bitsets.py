"""Sets of flights as bits, kept once for each answer of a hurdle and shared by all pages that meet it. Pure.

A page's flights are those in every one of a few sets: what its place admits, what its topics admit, who runs now. The
sets are few where their combinations are many, so only the sets are kept, and are ANDed where somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.serving.hurdles import Mask

Bits: TypeAlias = NDArray[np.uint8]
"""Eight flights a byte, the first in the highest bit."""
FlightRows: TypeAlias = NDArray[np.integer[Any]]
BYTES_MAX = 16 * 2**20


def bits_of(mask: Mask) -> Bits:
    found: Bits = np.packbits(mask)
    return found


def intersection(sets: Sequence[Bits]) -> Bits:
    """sets: one or more."""
    left = sets[0]
    for other in sets[1:]:
        left = left & other
    return left


def members(bits: Bits) -> FlightRows:
    """Ascending."""
    return np.flatnonzero(np.unpackbits(bits).view(bool))  # of booleans, which is four times faster


def common(sets: Sequence[Bits], begin: int, end: int) -> FlightRows:
    """The flights in all of `sets` among the rows from `begin` to before `end`, ascending."""
    low = begin >> 3
    these = slice(low, (end + 7) >> 3)
    rows = members(intersection([bits[these] for bits in sets]))
    rows += low << 3
    if begin & 7 or end & 7:
        rows = rows[rows.searchsorted(begin) : rows.searchsorted(end)]
    return rows


class Sets:
    """The last sets of one snapshot. Shared by all threads, without a lock."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self.made_bytes = 0
        """Ever."""
        self._known: dict[Hashable, Bits] = {}

    def of(self, name: Hashable, made: Callable[[], Mask]) -> Bits:
        found = self._known.get(name)
        if found is None:
            if self._bytes > self._bytes_max:
                self._known, self._bytes = {}, 0
            found = self._known[name] = bits_of(made())
            self._bytes += found.nbytes
            self.made_bytes += found.nbytes
        return found
