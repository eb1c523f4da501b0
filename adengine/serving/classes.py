"""Who may stand in a slot as far as the catalogue says, class by class, ready to be drawn. Pure.

`eligible.Kept` keeps one `Eligible` for pages that are alike. Where its flights are many it does not list them: it has
the sets that they are common to, which other kinds of pages share, and sums of blocks (`crowd`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias
from weakref import ref

import numpy as np

from adengine.catalog.snapshot import Rows, Snapshot
from adengine.serving.bitsets import Bits, FlightRows, bits_of, common, intersection, members
from adengine.serving.closeness import Factors
from adengine.serving.crowd import Crowd, Levels
from adengine.serving.draw import Floats, raised
from adengine.serving.hurdles import Mask
from adengine.serving.lots import Entrants
from adengine.serving.pace import Paced

OVERHEAD_BYTES = 1500
ENTRANT_BYTES = 36
"""Of a flight that is listed."""
CROWD_MIN = 512
"""More of one class are kept as a crowd."""
PACED_KEPT = 8
OPEN_KEPT = 64
Named: TypeAlias = "ref[Floats]"
"""Of a `Paced`, by its scores: 5 MB at a million creatives, that must not be kept for as long as a kind of page is."""


class Classes:
    """What of a snapshot's classes (tier and priority) is the same for all pages."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        candidates = snapshot.candidates
        has_lines = np.diff(candidates.first) > 0
        shown = np.flatnonzero(has_lines)
        first = candidates.first[shown]
        ranks, begins = np.unique(candidates.rank[first], return_index=True)
        self.ranks: list[int] = ranks.tolist()
        self.bounds = np.append(shown[begins], len(has_lines)).astype(np.int32)
        """The first row of each, and the end of all; a flight without lines is of none."""
        self.weights = np.ones(len(has_lines))
        """Of each flight."""
        self.weights[shown] = candidates.flight_weight[first]
        self.has_lines = has_lines
        self.with_lines, self.sponsors = bits_of(has_lines), bits_of(has_lines & ~snapshot.house)
        self.logged = bits_of(snapshot.logged)
        self.sequential = bits_of(snapshot.sequential)
        whole_page = np.zeros(len(has_lines), bool)
        whole_page[shown] = candidates.whole_page[first]
        self.whole_page = bits_of(whole_page)
        self.shared = np.array([snapshot.flight_row[flight] for flight, _ in snapshot.shares], np.int32)
        """The flights of `Snapshot.shares`."""
        self.budgeted = [bool(snapshot.budgeted[slice(*self.span(at))].any()) for at in range(len(self.ranks))]
        """Of each class, whether the pacer may have something to say of it."""
        self._open: dict[int, tuple[Named, list[bool]]] = {}

    def span(self, number: int) -> tuple[int, int]:
        """The rows of a class, (from, before)."""
        begin, end = self.bounds[number : number + 2].tolist()
        return begin, end

    def are_open(self, paced: Paced) -> list[bool]:
        """Of each class, whether it is drawn as if there were no pacer: all of it asks, by weight."""
        known = self._open.get(id(paced.score))
        if known is None or known[0]() is not paced.score:
            spans = list(pairwise(self.bounds.tolist()))
            known = (
                ref(paced.score),
                [bool(paced.asks[begin:end].all() and np.isnan(paced.score[begin:end]).all()) for begin, end in spans],
            )
            if len(self._open) >= OPEN_KEPT:
                self._open.clear()
            self._open[id(paced.score)] = known
        return known[1]


class Eligible:
    """One slot's flights, ascending by row, so best class first; immutable but for what it works out later."""

    def __init__(
        self,
        classes: Classes,
        sets: Sequence[Bits],
        levels: Levels | None,
        reason: str | None,
        reason_of_sponsors: str | None,
        shared_bytes: int = 0,
    ) -> None:
        """sets: its flights are those in all of them.  levels: of their chances, by how close they are aimed; None: no
        difference.  reason: why there are none.  reason_of_sponsors: why there are none but house lines; None if there
        are.  shared_bytes: of what was made for this one first, though others share it now."""
        self.reason = reason
        self.reason_of_sponsors = reason_of_sponsors
        self._classes = classes
        self._sets = tuple(sets)
        self._levels = levels
        bits = intersection(self._sets)
        self.is_logged = bool((bits & classes.logged).any())
        self.is_sequential = bool((bits & classes.sequential).any())
        self.has_whole_pages = bool((bits & classes.whole_page).any())
        shares = classes.snapshot.shares
        self.shares = tuple(shares[at] for at in np.flatnonzero(self.holds(classes.shared)).tolist())
        """(flight, the share of the pages that it was promised)."""
        flights = members(bits)
        begins: list[int] = flights.searchsorted(classes.bounds).tolist()
        self._few = flights if flights.size <= CROWD_MIN else None
        self._counts = [end - begin for begin, end in pairwise(begins)]
        self._crowds = {
            number: Crowd(
                classes.ranks[number], classes.span(number), self._sets, flights[begin:end], classes.weights, levels
            )
            for number, (begin, end) in enumerate(pairwise(begins))
            if end - begin > CROWD_MIN
        }
        """These two: by class."""
        self._entrants: dict[int, tuple[Named | None, tuple[Entrants, ...] | None]] = {}
        listed = sum(
            count
            for count, is_budgeted in zip(self._counts, classes.budgeted, strict=True)
            if count <= CROWD_MIN or is_budgeted
        )
        crowds = sum(crowd.nbytes for crowd in self._crowds.values())
        self.nbytes = OVERHEAD_BYTES + ENTRANT_BYTES * listed + crowds + shared_bytes
        """With its entrants, about."""

    @property
    def flights(self) -> FlightRows:
        if self._few is not None:
            return self._few
        return common(self._sets, 0, len(self._classes.snapshot.flights))

    def rows(self) -> Rows:
        """All candidates of these flights, ascending."""
        return self._classes.snapshot.candidates.of(self.flights)

    @property
    def factors(self) -> Factors | None:
        """Of candidates of these flights."""
        if self._levels is None:
            return None
        levels, flight_row = self._levels, self._classes.snapshot.candidates.flight_row
        return lambda rows: levels.of(flight_row[rows])

    def holds(self, flights: FlightRows) -> Mask:
        """Which of `flights` are among these."""
        found = np.ones(flights.shape, bool)
        at, bit = flights >> 3, 128 >> (flights & 7)
        for bits in self._sets:
            found &= (bits[at] & bit) != 0
        return found

    def entrants(self, paced: Paced | None) -> tuple[Entrants, ...] | None:
        """Those of each class that the pacer lets ask, best class first; None where one is drawn both ways at once.

        Worked out once for each `Paced`; what the pacer says nothing about, once.
        """
        score = paced.score if paced is not None else None
        known = self._entrants.get(id(score))
        if known is None or (known[0]() if known[0] is not None else None) is not score:
            known = (ref(score) if score is not None else None, self._of_classes(paced))
            if len(self._entrants) >= PACED_KEPT:
                self._entrants.clear()
            self._entrants[id(score)] = known
        return known[1]

    def _of_classes(self, paced: Paced | None) -> tuple[Entrants, ...] | None:
        are_open = self._classes.are_open(paced) if paced is not None else [True] * len(self._counts)
        found: list[Entrants] = []
        for number, (count, is_open) in enumerate(zip(self._counts, are_open, strict=True)):
            if is_open and number in self._crowds:
                found.append(self._crowds[number])
            elif count:
                listed = self._listed(number, paced)
                if listed is None:
                    return None
                found += listed
        return tuple(found)

    def _listed(self, number: int, paced: Paced | None) -> list[Entrants] | None:
        """Of one class; none, if nobody asks."""
        rank = self._classes.ranks[number]
        flights = common(self._sets, *self._classes.span(number)).astype(np.int32)
        if paced is not None:
            flights = flights[paced.asks[flights]]
        if not flights.size:
            return []
        factors = self._levels.of(flights) if self._levels is not None else np.ones(flights.size)
        scores = None if paced is None else paced.score[flights]
        by_weight = scores is None or np.isnan(scores)
        if scores is None or np.all(by_weight):
            return [Entrants.by_weight(rank, flights, self._classes.weights[flights] * factors)]
        return None if np.any(by_weight) else [Entrants.by_score(rank, flights, raised(scores, factors))]
