"""How the creatives of each flight take turns on one page, as weights of the draw among them. Pure.

Even and weighted campaigns have their weights in the snapshot. Those of an optimised one are the chances that the pacer
has learnt (`learning.thompson`); those of a sequential one make the creative behind the one that the reader saw last
next, then the one behind it, and so on round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from adengine.caps.records import Seen
from adengine.catalog.snapshot import Candidates, Rows, Snapshot
from adengine.learning.cells import EVERYWHERE, Cell
from adengine.learning.learnt import NOTHING, Learnt

STEP = 1e-12
"""Between one turn and the next: a weight that no draw overrules."""
TURNS_MAX = 24


class Rotation:
    """Of one page."""

    __slots__ = ("_last", "_learnt", "_snapshot", "_weights", "cell")

    def __init__(self, snapshot: Snapshot, learnt: Learnt = NOTHING, cell: Cell = EVERYWHERE) -> None:
        self._snapshot = snapshot
        self._learnt = learnt
        self.cell = cell
        self._last: Mapping[int, int] = {}
        self._weights: dict[int, list[float] | None] = {}

    def take_seen(self, seen: Seen) -> None:
        """What the reader has seen before this page."""
        self._last = {record.campaign: record.creative for record in seen.records}
        self._weights.clear()

    def weights(self, flight: int) -> list[float] | None:
        """Of a flight's candidates, in their order; None: as the snapshot has them.  flight: its row."""
        if flight not in self._weights:
            self._weights[flight] = self._worked_out(flight)
        return self._weights[flight]

    def applied(self, slots: Sequence[Rows]) -> Candidates:
        """The snapshot's candidates with these weights, as far as the flights of `slots` (candidates each) go."""
        candidates = self._snapshot.candidates
        flights = np.unique(candidates.flight_row[np.concatenate(slots)]) if slots else np.empty(0, np.int64)
        turned = flights[self._snapshot.optimised[flights] | self._snapshot.sequential[flights]]
        if not turned.size:
            return candidates
        weights = candidates.creative_weight.copy()
        for flight in turned.tolist():
            own = self.weights(flight)
            if own is not None:
                first = int(candidates.first[flight])
                weights[first : first + len(own)] = own
        return replace(candidates, creative_weight=weights)

    def _worked_out(self, flight: int) -> list[float] | None:
        snapshot = self._snapshot
        if not (snapshot.optimised[flight] or snapshot.sequential[flight]):
            return None
        first, end = snapshot.candidates.first[flight : flight + 2].tolist()
        creatives = snapshot.candidates.creative[first:end].tolist()
        if snapshot.optimised[flight]:
            return self._chances(creatives)
        return self._turns(creatives, self._last.get(snapshot.flights[flight].campaign, 0))

    def _chances(self, creatives: list[int]) -> list[float]:
        """A creative that nothing is known of yet has the chance of an average one."""
        known = [self._learnt.chance(self.cell, creative) for creative in creatives]
        there = [chance for chance in known if chance is not None]
        usual = sum(there) / len(there) if there else 1.0
        return [usual if chance is None else chance for chance in known]

    def _turns(self, creatives: list[int], last: int) -> list[float]:
        """creatives: ascending, as they were made."""
        begin = next((at for at, creative in enumerate(creatives) if creative > last), 0)
        return [STEP ** min((at - begin) % len(creatives), TURNS_MAX) for at in range(len(creatives))]
