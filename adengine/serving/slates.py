"""Who may stand in the slots of one page, drawn one after another as far as the page needs them. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np

from adengine.catalog.snapshot import Candidates, Rows, Snapshot
from adengine.serving.closeness import Factors
from adengine.serving.draw import Floats, drawn
from adengine.serving.eligibility import Room
from adengine.serving.hurdles import Hurdle
from adengine.serving.lots import Choice, Draws, Entrants, arrivals
from adengine.serving.pace import PacedOut
from adengine.serving.rotation import Rotation

TURNS_MAX = 65_536
"""Flights whose turns are kept."""


class Slate:
    """Who may stand in one slot, best first. Made for one allocation of one page: whoever was drawn stays drawn."""

    __slots__ = ("_found", "_rest", "ranks")

    def __init__(self, ranks: Sequence[int], choices: Iterator[Choice]) -> None:
        """ranks: the classes of all that there may be."""
        self.ranks = ranks
        self._rest = choices
        self._found: list[Choice] = []

    def at(self, place: int) -> Choice | None:
        """None behind the last."""
        found = self._found
        while place >= len(found):
            choice = next(self._rest, None)
            if choice is None:
                return None
            found.append(choice)
        return found[place]

    def __iter__(self) -> Iterator[Choice]:
        place = 0
        while (choice := self.at(place)) is not None:
            yield choice
            place += 1


Turn = tuple[int, list[float], list[float]]
"""Of a flight its first candidate, and the weights of all of its candidates in their order, and their sums so far."""
Turns = dict[int, Turn]
"""By flight (row)."""


class Faced:
    """What the candidates of one page face beyond what the catalogue says, as drawing asks it."""

    __slots__ = ("_kept", "by_creative", "by_flight", "known", "one_each", "paced_out", "rotation", "snapshot")

    def __init__(
        self,
        snapshot: Snapshot,
        hurdles: Sequence[Hurdle],
        paced_out: PacedOut | None,
        one_each: bool,
        rotation: Rotation,
        kept: Turns,
    ) -> None:
        """hurdles: without the pacer's, as its `Entrants` have faced them but for `paced_out`.
        one_each: whether a single creative of a flight will do, because its others exclude the same.
        kept: of flights whose turns are the same on all pages; whatever is missing is added."""
        self.snapshot = snapshot
        self.by_flight = [hurdle for hurdle in hurdles if not hurdle.of_creatives]
        self.by_creative = [hurdle for hurdle in hurdles if hurdle.of_creatives]
        self.paced_out = paced_out
        self.one_each = one_each
        self.rotation = rotation
        self._kept = kept
        self.known: dict[int, bool] = {}
        """What `lets` said."""

    def lets(self, flight: int) -> bool:
        """Whether a flight may stand in any slot of the page."""
        if self.paced_out is not None and not self.paced_out.lets_ask(flight):
            return False
        first = int(self.snapshot.candidates.first[flight]) if self.by_flight else 0
        return not self.by_flight or all(hurdle.admits(first) for hurdle in self.by_flight)

    def first_row(self, flight: int, room: Room, lot: float) -> int | None:
        """The first of `rows`."""
        if self.by_creative or room.limits:
            return next(self.rows(flight, room, lot), None)
        first, weights, sums = self._kept.get(flight) or self._turn(flight)
        return first + min(bisect_right(sums, lot * sums[-1]), len(weights) - 1)

    def rows(self, flight: int, room: Room, lot: float) -> Iterator[int]:
        """A flight's candidates that may stand in a slot if it may itself, in the order drawn by their weights.

        lot: uniform in (0, 1).
        """
        first, weights, _ = self._kept.get(flight) or self._turn(flight)
        return (row for row in _in_turn(first, weights, lot) if self._admits(row, room))

    def _admits(self, row: int, room: Room) -> bool:
        fits = not room.limits or room.holds(self.snapshot, int(self.snapshot.candidates.creative_row[row]))
        return fits and all(hurdle.admits(row) for hurdle in self.by_creative)

    def _turn(self, flight: int) -> Turn:
        candidates = self.snapshot.candidates
        first, end = int(candidates.first[flight]), int(candidates.first[flight + 1])
        turned = self.rotation.weights(flight)
        if turned is not None:
            return first, turned, list(accumulate(turned))
        if len(self._kept) >= TURNS_MAX:
            self._kept.clear()
        weights: list[float] = candidates.creative_weight[first:end].tolist()
        self._kept[flight] = found = first, weights, list(accumulate(weights))
        return found


def raced(page: Faced, entrants: Sequence[Entrants], room: Room, seed: int, slot: int, first: Draws = ()) -> Slate:
    """The slate of a slot whose flights are drawn without looking at all of them (`serving.lots`).

    slot: its number on the page.  first: as `arrivals` takes it, for the best class.
    """
    return Slate([of_class.rank for of_class in entrants], _racing(page, entrants, room, seed, slot, first))


def drawn_by_all(
    candidates: Candidates, rows: Rows, seed: int, slot: int, scores: Floats | None, factors: Factors | None = None
) -> Slate:
    """The slate of candidates that are all looked at (`serving.draw`)."""
    ranks: list[int] = np.unique(candidates.rank[rows]).tolist()
    return Slate(ranks, _drawing(candidates, rows, seed, slot, scores, factors))


def _racing(
    page: Faced, entrants: Sequence[Entrants], room: Room, seed: int, slot: int, first: Draws
) -> Iterator[Choice]:
    known = page.known
    for number, of_class in enumerate(entrants):
        rank, worth = of_class.rank, of_class.worth
        for flight, time, lot in arrivals(of_class, seed, slot, () if number else first):
            may = known.get(flight)
            if may is None:
                may = known[flight] = page.lets(flight)
            if not may:
                continue
            if page.one_each:
                row = page.first_row(flight, room, lot)
                if row is not None:
                    yield Choice(rank, worth(time), row)
            else:
                for row in page.rows(flight, room, lot):
                    yield Choice(rank, worth(time), row)


def _in_turn(first: int, weights: Sequence[float], lot: float) -> Iterator[int]:
    """Rows from `first` on in weighted random order, one for each weight."""
    rows, left = list(range(first, first + len(weights))), list(weights)
    while len(rows) > 1:
        at, lot = _named(left, lot)
        del left[at]
        yield rows.pop(at)
    yield rows[0]


def _named(weights: Sequence[float], lot: float) -> tuple[int, float]:
    """Whom a uniform number names, and where it lies within his share: that is as uniform as it was itself."""
    left, last = lot * sum(weights), len(weights) - 1
    for at, weight in enumerate(weights):
        if left < weight or at == last:
            return at, min(left / weight, 1.0) if weight > 0 else lot
        left -= weight
    raise ValueError("nobody can be named")


def _drawing(
    candidates: Candidates, rows: Rows, seed: int, slot: int, scores: Floats | None, factors: Factors | None
) -> Iterator[Choice]:
    while rows.size:
        size = _class_size(candidates, rows)
        rank = int(candidates.rank[rows[0]])
        own = factors(rows[:size]) if factors is not None else None
        order, worths = drawn(candidates, rows[:size], seed, slot, scores, own)
        for row, worth in zip(order.tolist(), worths.tolist(), strict=True):
            yield Choice(rank, worth, row)
        rows = rows[size:]


def _class_size(candidates: Candidates, rows: Rows) -> int:
    """How many of `rows`, of which there are some, are of the tier and priority of the first."""
    ranks = candidates.rank[rows]
    return int(np.searchsorted(ranks, ranks[0], side="right"))
