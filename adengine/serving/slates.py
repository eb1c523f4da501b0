"""Who may stand in the slots of one page, drawn one after another as far as the page needs them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from adengine.catalog.snapshot import Candidates, Rows, Snapshot
from adengine.serving.closeness import Factors
from adengine.serving.draw import Floats, drawn
from adengine.serving.eligibility import Room
from adengine.serving.hurdles import Hurdle
from adengine.serving.lots import Choice, Entrants, Lots, race, winner
from adengine.serving.rotation import Rotation


class Slate(Protocol):
    """Who may stand in one slot."""

    @property
    def ranks(self) -> Sequence[int]:
        """Their classes."""
        ...

    def ranked(self) -> Iterator[Choice]:
        """All of them, best first; the same each time."""
        ...

    def best(self) -> int | None:
        """The candidate that comes first."""
        ...


class Faced:
    """What the candidates of one page face beyond what the catalogue says, as drawing asks it."""

    __slots__ = ("by_creative", "by_flight", "one_each", "rotation", "snapshot")

    def __init__(self, snapshot: Snapshot, hurdles: Sequence[Hurdle], one_each: bool, rotation: Rotation) -> None:
        """one_each: whether a single creative of a flight will do, because its others exclude the same."""
        self.snapshot = snapshot
        self.by_flight = [hurdle for hurdle in hurdles if not hurdle.of_creatives]
        self.by_creative = [hurdle for hurdle in hurdles if hurdle.of_creatives]
        self.one_each = one_each
        self.rotation = rotation


class Raced:
    """The slate of a slot whose flights are drawn without looking at all of them (`serving.lots`).

    Made for one allocation of one page: whoever was drawn once is not drawn again.
    """

    __slots__ = ("_drawn", "_entrants", "_page", "_rest", "_room", "_seed", "_slot")

    def __init__(self, page: Faced, entrants: Sequence[Entrants], room: Room, seed: int, slot: int) -> None:
        """slot: its number on the page."""
        self._page = page
        self._entrants = entrants
        self._room = room
        self._seed = seed
        self._slot = slot
        self._drawn: list[Choice] = []
        self._rest: Iterator[Choice] | None = None

    @property
    def ranks(self) -> list[int]:
        return [of_class.rank for of_class in self._entrants]

    def best(self) -> int | None:
        for of_class in self._entrants[:1]:
            row = winner(of_class, self._seed, self._slot, self._creatives)
            if row is not None:
                return row
        first = next(self.ranked(), None)
        return first.row if first is not None else None

    def ranked(self) -> Iterator[Choice]:
        yield from self._drawn
        if self._rest is None:
            self._rest = (
                choice
                for of_class in self._entrants
                for choice in race(of_class, self._seed, self._slot, self._creatives)
            )
        for choice in self._rest:
            self._drawn.append(choice)
            yield choice

    def _creatives(self, flight: int, lots: Lots) -> Iterator[int]:
        """A flight's candidates that may stand here, in the order drawn by the creatives' weights."""
        first, end = self._page.snapshot.candidates.first[flight : flight + 2].tolist()
        for hurdle in self._page.by_flight:
            if not hurdle.admits(first):
                return
        rows = list(range(first, end))
        weights = self._weights(flight, first, end) if len(rows) > 1 else []
        if self._page.by_creative or (self._room.limits and len(rows) > 1):
            rows = [row for row in rows if self._admits(row)]
        while len(rows) > 1:
            yield rows.pop(_lot([weights[row - first] for row in rows], lots))
            if self._page.one_each:
                return
        yield from rows

    def _admits(self, row: int) -> bool:
        creative = int(self._page.snapshot.candidates.creative_row[row])
        fits = not self._room.limits or self._room.holds(self._page.snapshot, creative)
        return fits and all(hurdle.admits(row) for hurdle in self._page.by_creative)

    def _weights(self, flight: int, first: int, end: int) -> list[float]:
        turned = self._page.rotation.weights(flight)
        if turned is not None:
            return turned
        weights: list[float] = self._page.snapshot.candidates.creative_weight[first:end].tolist()
        return weights


def _lot(weights: list[float], lots: Lots) -> int:
    """Whose turn it is."""
    left = lots.uniform() * sum(weights)
    for at, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return at
    return len(weights) - 1


class Drawn:
    """The slate of candidates that are all looked at (`serving.draw`)."""

    def __init__(
        self,
        candidates: Candidates,
        rows: Rows,
        seed: int,
        slot: int,
        scores: Floats | None,
        factors: Factors | None = None,
    ) -> None:
        self._candidates = candidates
        self._rows = rows
        self._lots = (seed, slot, scores)
        self._factors = factors

    @property
    def ranks(self) -> list[int]:
        found: list[int] = np.unique(self._candidates.rank[self._rows]).tolist()
        return found

    def ranked(self) -> Iterator[Choice]:
        rows = self._rows
        while rows.size:
            size = _class_size(self._candidates, rows)
            rank = int(self._candidates.rank[rows[0]])
            factors = self._factors(rows[:size]) if self._factors is not None else None
            order, worths = drawn(self._candidates, rows[:size], *self._lots, factors)
            for row, worth in zip(order.tolist(), worths.tolist(), strict=True):
                yield Choice(rank, worth, row)
            rows = rows[size:]

    def best(self) -> int | None:
        first = next(self.ranked(), None)
        return first.row if first is not None else None


def _class_size(candidates: Candidates, rows: Rows) -> int:
    """How many of `rows`, of which there are some, are of the tier and priority of the first."""
    ranks = candidates.rank[rows]
    return int(np.searchsorted(ranks, ranks[0], side="right"))
