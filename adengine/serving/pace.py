"""Where each flight of a snapshot stands with its goal, as one page meets it. Pure.

A page is worth more to a flight where its campaign is clicked more (`learning`): so its score is known by cell.

A flight that the pacer has not spoken of yet waits if it has a budget, because nothing could be leased for it, and is
open otherwise. One that is ahead of its schedule asks with a score around or below 0; near 0 lots decide page by page,
so that not all workers fall silent at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.snapshot import Rows, Snapshot
from adengine.learning.cells import EVERYWHERE, Cell
from adengine.learning.learnt import NOTHING, Learnt
from adengine.pacing.control import WORTH
from adengine.pacing.leases import Token
from adengine.pacing.sheet import OPEN, REACHED, Sheet
from adengine.serving.draw import NOISE, Floats, stay, stays
from adengine.serving.hurdles import ByFlight, Hurdle, Mask

CELLS_KEPT = 32
NO_WORTHS: Mapping[int, float] = {}
LOTS, LEASE = 1, 2
WAVERING = 15 * NOISE
"""Beyond it the noise of a lot changes nothing: once in three million pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paced:
    """What snapshot, sheet and cell say alone; shape (flights,) each, by row."""

    snapshot: Snapshot
    sheet: Sheet
    asks: NDArray[np.bool_]
    """It may be shown as far as its schedule goes, and has not reached its goal."""
    score: Floats
    """NaN where a flight is drawn by its weight."""
    budgeted: NDArray[np.bool_]
    """Each of its impressions must be leased."""
    wavering: NDArray[np.bool_]
    """Its score is so near to 0 that lots decide."""
    decided_by: bytes
    """Of each that asks, what else decides: bits of `LOTS` and `LEASE`. Bytes are looked at sooner than an array."""
    lease: NDArray[np.int64]
    """Where a budgeted one stands among the leases."""
    has_room: ByFlight
    """The hurdle of who has reached his goal or his day's limit."""


class Leases(Protocol):
    """What is asked of `pacing.leases.Leases`."""

    def indices(self, flights: Iterable[int], /) -> NDArray[np.int64]: ...
    def is_ready(self, index: int, /) -> bool: ...
    def take(self, flight: int, /) -> Token | None: ...
    def give_back(self, token: Token, /) -> None: ...


class Turns(Protocol):
    """What is asked of `pacing.turns.Turns`."""

    def take(self, flight: int, share: float, /) -> float | None: ...
    def give_back(self, flight: int, /) -> None: ...


class PacedOut:
    """The hurdle of who is ahead of his schedule, or has no impression leased here.

    Whether there is a lease is asked once for each flight and page, so that a page is decided, and explained, by one
    answer.
    """

    __slots__ = ("_candidates", "_leases", "_paced", "_ready", "_seed", "detail", "reason")
    of_creatives = False

    def __init__(self, paced: Paced, leases: Leases, seed: int) -> None:
        self.reason, self.detail = "paced_out", None
        self._paced = paced
        self._candidates = paced.snapshot.candidates
        self._leases = leases
        self._seed = seed
        self._ready: dict[int, bool] = {}

    def passes(self, rows: Rows) -> Mask:
        paced = self._paced
        flights, back = np.unique(self._candidates.flight_row[rows], return_inverse=True)
        passes = paced.asks[flights]
        wavering = passes & paced.wavering[flights]
        if wavering.any():
            these = flights[wavering]
            passes[wavering] = stay(
                paced.score[these], self._candidates.flight[self._candidates.first[these]], self._seed
            )
        budgeted = passes & paced.budgeted[flights]
        passes[budgeted] = [self._has_lease(flight) for flight in flights[budgeted].tolist()]
        found: Mask = passes[back]
        return found

    def admits(self, row: int) -> bool:
        flight = int(self._candidates.flight_row[row])
        return bool(self._paced.asks[flight]) and self.lets_ask(flight)

    def lets_ask(self, flight: int) -> bool:
        """Of one (a row) whose schedule has come so far, `Paced.asks`."""
        paced = self._paced
        decided_by = paced.decided_by[flight]
        if decided_by & LOTS:
            id_ = int(paced.snapshot.flight_ids[flight])
            if not stays(float(paced.score[flight]), id_, self._seed):
                return False
        return not decided_by & LEASE or self._has_lease(flight)

    def _has_lease(self, flight: int) -> bool:
        ready = self._ready.get(flight)
        if ready is None:
            ready = self._ready[flight] = self._leases.is_ready(self._paced.lease.item(flight))
        return ready


class Pace(NamedTuple):
    """Of one page."""

    paced: Paced
    paced_out: PacedOut

    @property
    def hurdles(self) -> tuple[Hurdle, ...]:
        """What has reached its goal or its day's limit, and what is paced out."""
        return self.paced.has_room, self.paced_out


class Paces:
    """Makes a page's `Pace`; what snapshot, sheet and cell say alone is worked out once. Shared by all threads."""

    def __init__(
        self, sheet: Callable[[], Sheet], leases: Leases, turns: Turns, learnt: Callable[[], Learnt] = lambda: NOTHING
    ) -> None:
        self.sheet = sheet
        self.learnt = learnt
        self.leases = leases
        self.turns = turns
        self._paced: dict[Cell, tuple[Learnt, Paced]] = {}

    def through(self, leases: Leases, turns: Turns) -> Paces:
        """The same with the sheets of now, asking others for leases and turns."""
        sheet, learnt = self.sheet(), self.learnt()
        other = Paces(lambda: sheet, leases, turns, lambda: learnt)
        other._paced = self._paced
        return other

    def of(self, snapshot: Snapshot, seed: int, cell: Cell = EVERYWHERE) -> Pace | None:
        """None where nothing is paced.  seed: the page's, 64 bits."""
        paced = self.known(snapshot, cell)
        return Pace(paced, PacedOut(paced, self.leases, seed)) if paced is not None else None

    def known(self, snapshot: Snapshot, cell: Cell) -> Paced | None:
        """The part of it that is the same on all pages of a cell."""
        if not snapshot.paced:
            return None
        sheet, learnt = self.sheet(), self.learnt()
        cell = learnt.cell(cell)
        known = self._paced.get(cell)
        if known is not None and known[0] is learnt and known[1].sheet is sheet and known[1].snapshot is snapshot:
            return known[1]
        paced = paced_by(snapshot, sheet, self.leases, learnt.worths_in(cell))
        if len(self._paced) >= CELLS_KEPT:
            self._paced.clear()
        self._paced[cell] = (learnt, paced)
        return paced


def paced_by(snapshot: Snapshot, sheet: Sheet, leases: Leases, worths: Mapping[int, float] = NO_WORTHS) -> Paced:
    """worths: of a page to a campaign, instead of `WORTH`."""
    ids, budgeted = snapshot.flight_ids, snapshot.budgeted
    rows = sheet.rows_of(ids)
    is_known = rows >= 0
    flags, score = np.zeros(ids.size, np.uint8), np.full(ids.size, np.nan)
    flags[is_known], score[is_known] = sheet.flags[rows[is_known]], sheet.score[rows[is_known]]
    if worths:
        score += _worths(snapshot.campaigns, worths) - WORTH
    reached = flags & REACHED > 0
    asks = np.where(is_known, flags & OPEN > 0, ~budgeted) & ~(score < -WAVERING)
    lease = np.zeros(ids.size, np.int64)
    lease[budgeted] = leases.indices(ids[budgeted].tolist())
    asks &= ~reached
    wavering = np.abs(score) <= WAVERING
    return Paced(
        snapshot=snapshot,
        sheet=sheet,
        asks=asks,
        score=score,
        budgeted=budgeted,
        wavering=wavering,
        decided_by=(LOTS * wavering + LEASE * budgeted).astype(np.uint8).tobytes(),
        lease=lease,
        has_room=ByFlight(snapshot.candidates, "goal_reached", ~reached),
    )


def _worths(campaigns: NDArray[np.int64], worths: Mapping[int, float]) -> Floats:
    """Of each of `campaigns`."""
    known = np.array(sorted(worths), np.int64)
    values = np.array([worths[id_] for id_ in known.tolist()])
    at = np.minimum(np.searchsorted(known, campaigns), known.size - 1)
    found: Floats = np.where(known[at] == campaigns, values[at], WORTH)
    return found
