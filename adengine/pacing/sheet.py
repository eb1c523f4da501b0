"""What the pacer tells the workers: for each flight that has a goal or a limit, where it stands. Pure.

As bytes, little-endian:

    4s "pace" | u8 version | u64 number | f64 at_s | i64 tau_s | u32 flights
    then, each for all flights: i64 flight, ascending | f64 score | f64 lambda | i64 left | u8 flags

A sheet is made whole and read whole; a worker keeps the last one for as long as no newer one comes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OPEN, REACHED, BEGUN = 1, 2, 4
"""Flags: it may be shown now; its goal or its day's limit is reached; something of it was counted."""
NO_LIMIT = -1
"""In `left`: its impressions need no lease."""
_HEAD = struct.Struct("<4sBQdqI")
_MAGIC, _VERSION = b"pace", 1
_COLUMNS = (("flight", "<i8"), ("score", "<f8"), ("strength", "<f8"), ("left", "<i8"), ("flags", "u1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    number: int
    """Grows with each sheet."""
    at_s: float
    """When it was made, epoch s."""
    tau_s: int
    """Everything recorded up to then is in `left`."""
    flight: NDArray[np.int64]
    """Ascending; this and all below: shape (n,)."""
    score: NDArray[np.float64]
    """What a flight brings into the draw of its class (`control`)."""
    strength: NDArray[np.float64]
    """The controller's λ, for whoever paces next."""
    left: NDArray[np.int64]
    """Impressions for the lease script (`book.leasable`); 0: none are left; `NO_LIMIT`: they need no lease."""
    flags: NDArray[np.uint8]

    def to_bytes(self) -> bytes:
        head = _HEAD.pack(_MAGIC, _VERSION, self.number, self.at_s, self.tau_s, len(self.flight))
        return head + b"".join(getattr(self, name).astype(kind).tobytes() for name, kind in _COLUMNS)

    @classmethod
    def from_bytes(cls, text: bytes) -> Sheet:
        """Raises ValueError for what is no sheet of this version."""
        if len(text) < _HEAD.size:
            raise ValueError("a sheet is cut off")
        magic, version, number, at_s, tau_s, n = _HEAD.unpack_from(text)
        width = sum(np.dtype(kind).itemsize for _, kind in _COLUMNS)
        if (magic, version) != (_MAGIC, _VERSION) or len(text) != _HEAD.size + n * width:
            raise ValueError("not a sheet of this version")
        columns, at = {}, _HEAD.size
        for name, kind in _COLUMNS:
            columns[name] = np.frombuffer(text, kind, n, at)
            at += columns[name].nbytes
        return cls(number=number, at_s=at_s, tau_s=tau_s, **columns)

    def says_as(self, other: Sheet) -> bool:
        """Whether pages are decided alike by both; how much is left to lease is no matter to them."""
        return (
            np.array_equal(self.flight, other.flight)
            and np.array_equal(self.flags & (OPEN | REACHED), other.flags & (OPEN | REACHED))
            and np.array_equal(self.score, other.score, equal_nan=True)
        )

    def rows_of(self, flights: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each of `flights` stands in the sheet; -1: nowhere."""
        if not len(self.flight):
            return np.full(len(flights), -1, np.int64)
        rows = np.minimum(np.searchsorted(self.flight, flights), len(self.flight) - 1)
        return np.where(self.flight[rows] == flights, rows, -1)


def empty() -> Sheet:
    """Before there is any."""
    columns = {name: np.empty(0, kind) for name, kind in _COLUMNS}
    return Sheet(number=0, at_s=0.0, tau_s=0, **columns)
