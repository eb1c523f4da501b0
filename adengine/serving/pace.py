"""Where each flight of a snapshot stands with its goal, as one page meets it. Pure.

A flight that the pacer has not spoken of yet waits if it has a budget, because nothing could be leased for it, and is
open otherwise. One that is ahead of its schedule asks with a score around or below 0; near 0 lots decide page by page,
so that not all workers fall silent at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.snapshot import Snapshot
from adengine.pacing.leases import Token
from adengine.pacing.sheet import OPEN, REACHED, Sheet
from adengine.pacing.turns import Turns
from adengine.serving.draw import NOISE, stay

WAVERING = 15 * NOISE
"""Beyond it the noise of a lot changes nothing: once in three million pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Of one page; shape (flights,) each."""

    open: NDArray[np.bool_]
    """It may be shown as far as its schedule goes and, with a budget, an impression of it can be taken here."""
    reached: NDArray[np.bool_]
    score: NDArray[np.float64]
    """NaN where a flight is drawn by its weight."""
    budgeted: NDArray[np.bool_]
    """Each of its impressions must be leased."""
    is_scored: bool
    """Whether any score is a number."""


class Leases(Protocol):
    """What is asked of `pacing.leases.Leases`."""

    def indices(self, flights: Iterable[int], /) -> NDArray[np.int64]: ...
    def ready(self, indices: NDArray[np.int64], /) -> NDArray[np.bool_]: ...
    def take(self, flight: int, /) -> Token | None: ...
    def give_back(self, token: Token, /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What snapshot and sheet say alone."""

    snapshot: Snapshot
    sheet: Sheet
    pace: Pace
    """Without leases and lots."""
    budgeted: NDArray[np.int64]
    """Rows of flights; so is `wavering`."""
    indices: NDArray[np.int64]
    """Where these stand among the leases."""
    wavering: NDArray[np.int64]
    """Whose score is so near to 0 that lots decide."""
    wavering_ids: NDArray[np.int64]


class Paces:
    """Makes a page's `Pace`; what snapshot and sheet say alone is worked out once. Shared by all threads."""

    def __init__(self, sheet: Callable[[], Sheet], leases: Leases) -> None:
        self._sheet = sheet
        self.leases = leases
        self.turns = Turns()
        self._known: _Known | None = None

    def of(self, snapshot: Snapshot, seed: int) -> Pace | None:
        """None where nothing is paced.  seed: the page's, 64 bits."""
        if not snapshot.paced:
            return None
        sheet, known = self._sheet(), self._known
        if known is None or known.snapshot is not snapshot or known.sheet is not sheet:
            self._known = known = self._worked_out(snapshot, sheet)
        is_open = known.pace.open.copy()
        is_open[known.budgeted] &= self.leases.ready(known.indices)
        if known.wavering.size:
            is_open[known.wavering] &= stay(known.pace.score[known.wavering], known.wavering_ids, seed)
        return replace(known.pace, open=is_open)

    def _worked_out(self, snapshot: Snapshot, sheet: Sheet) -> _Known:
        pace = pace_of(snapshot, sheet)
        budgeted = np.flatnonzero(pace.budgeted)
        wavering = np.flatnonzero(pace.open & (np.abs(pace.score) <= WAVERING))
        return _Known(
            snapshot=snapshot,
            sheet=sheet,
            pace=pace,
            budgeted=budgeted,
            indices=self.leases.indices(snapshot.flights[row].id for row in budgeted.tolist()),
            wavering=wavering,
            wavering_ids=np.array([snapshot.flights[row].id for row in wavering.tolist()], np.int64),
        )


def pace_of(snapshot: Snapshot, sheet: Sheet) -> Pace:
    flights = snapshot.flights
    rows = sheet.rows_of(np.array([flight.id for flight in flights], np.int64))
    is_known = rows >= 0
    flags, score = np.zeros(len(flights), np.uint8), np.full(len(flights), np.nan)
    flags[is_known], score[is_known] = sheet.flags[rows[is_known]], sheet.score[rows[is_known]]
    budgeted = np.array([flight.is_budgeted for flight in flights], bool)
    silent = score < -WAVERING
    return Pace(
        open=np.where(is_known, flags & OPEN > 0, ~budgeted) & ~silent,
        reached=flags & REACHED > 0,
        score=score,
        budgeted=budgeted,
        is_scored=not np.isnan(score).all(),
    )
