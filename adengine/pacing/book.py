"""The flights that are paced, and the sheet that says where each stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.nouns import Flight, Unit
from adengine.pacing.load import Total, Totals
from adengine.pacing.sheet import BEGUN, NO_LIMIT, OPEN, REACHED, Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Flights with a goal in impressions or clicks, or with a daily limit, by rising id."""

    flights: tuple[Flight, ...]

    @property
    def ids(self) -> NDArray[np.int64]:
        return np.array([flight.id for flight in self.flights], np.int64)


def book_of(flights: Sequence[Flight]) -> Book:
    kept = [flight for flight in flights if flight.target is not None or flight.daily_limit is not None]
    return Book(flights=tuple(sorted(kept, key=lambda flight: flight.id)))


def delivered(flight: Flight, total: Total) -> int:
    """What counts towards its goal."""
    target = flight.target
    return total.clicks if target is not None and target[0] is Unit.CLICKS else total.impressions


def leasable(flight: Flight, total: Total) -> int:
    """What `left` was before the leases that may still be spent; `NO_LIMIT` or 0 as there.

    The script takes off all of those leases; what of them has been counted is off already, so it is put back here.
    """
    n = left(flight, total)
    return n + total.spent if n > 0 else n


def left(flight: Flight, total: Total) -> int:
    """Impressions that may still count, of its goal and of its day; `NO_LIMIT` where none is counted by lease."""
    target, bounds = flight.target, []
    if target is not None and target[0] is Unit.IMPRESSIONS:
        bounds.append(target[1] - total.impressions)
    if flight.daily_limit is not None:
        bounds.append(flight.daily_limit - total.today)
    return max(0, min(bounds)) if bounds else NO_LIMIT


def is_reached(flight: Flight, total: Total) -> bool:
    """The goal, or the day's limit."""
    target = flight.target
    return left(flight, total) == 0 or (target is not None and delivered(flight, total) >= target[1])


def sheet_of(
    book: Book,
    totals: Totals,
    *,
    number: int,
    at_s: float,
    score: NDArray[np.float64],
    strength: NDArray[np.float64],
    gate: NDArray[np.bool_],
) -> Sheet:
    """score, strength, gate: what the controller says of each flight of the book; shape (flights,)."""
    of = [(flight, totals.of(flight.id)) for flight in book.flights]
    reached = np.array([is_reached(*pair) for pair in of], bool)
    begun = np.array([total.fills + total.impressions > 0 for _, total in of], bool)
    flags = (gate & ~reached) * OPEN + reached * REACHED + begun * BEGUN
    return Sheet(
        number=number,
        at_s=at_s,
        tau_s=totals.tau_s,
        flight=book.ids,
        score=score,
        strength=strength,
        left=np.array([leasable(*pair) for pair in of], np.int64),
        flags=flags.astype(np.uint8),
    )
