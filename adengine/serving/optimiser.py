"""The best choice of one option per slot among options that exclude each other. Pure; knows nothing of sponsors.

A pairs-greedy start, a local search that pushes others aside, then depth-first branch and bound over at most `NODES`
nodes. Choosing is NP-hard as soon as options exclude each other freely (independent set), so larger pages may end
unproved; up to 4 slots of 8 options, 91 nodes are all there can be. Values are whole numbers of any size: sums are
exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

NODES = 700
PUSHES = 400
"""Both for 8 slots; a step on a larger page costs more, so it gets fewer (`_budget`)."""
CLIQUES_FROM = 8
"""Nodes after which the sharper bound pays for itself."""


class Option(NamedTuple):
    """Something that may stand in a slot."""

    value: int
    """> 0; what it adds to the page here."""
    thing: int
    """The caller's own name of it."""
    own: int
    """Its bits; 0: nothing excludes it."""
    bars: int
    """The bits that may not stand beside it. Symmetric: a bars b exactly when b bars a."""


Options: TypeAlias = Sequence[Option]
Page: TypeAlias = list[Option | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    picks: tuple[Option | None, ...]
    """Slot by slot; None stays open."""
    value: int
    nodes: int
    proved: bool
    """Whether no page is better."""


def solve(slots: Sequence[Options], taken: int = 0, nodes_max: int | None = None) -> Solution:
    """The page of the highest total value that was found.

    slots: each one's options, highest value first.  taken: bits that no option may have.
    No option left out would fit in place of those less worth than it, proved or not.
    """
    free = [[option for option in options if not option.own & taken] for options in slots]
    best = [options[0] if options else None for options in free]
    if is_feasible(best):
        return Solution(picks=tuple(best), value=total(best), nodes=0, proved=True)
    start = improved(free, greedy(free))
    search = _Search(free, start, _budget(NODES, len(slots)) if nodes_max is None else nodes_max)
    proved = search.run()
    page = search.best if proved else improved(free, search.best)
    return Solution(picks=tuple(page), value=total(page), nodes=search.nodes, proved=proved)


def is_feasible(page: Page) -> bool:
    """Whether no option on the page bars another."""
    taken = 0
    for option in page:
        if option is not None:
            if option.own & taken:
                return False
            taken |= option.bars
    return True


def total(page: Sequence[Option | None]) -> int:
    return sum(option.value for option in page if option is not None)


def greedy(slots: Sequence[Options]) -> Page:
    """Over all slots at once, the most valuable option that still fits, until none does."""
    pairs = sorted(
        ((option.value, -slot, -place, option) for slot, options in enumerate(slots)
         for place, option in enumerate(options)),
        reverse=True,
    )  # fmt: skip
    page: Page = [None] * len(slots)
    taken = 0
    for _, slot, _, option in pairs:
        if page[-slot] is None and not option.own & taken:
            page[-slot] = option
            taken |= option.bars
    return page


def improved(slots: Sequence[Options], page: Page) -> Page:
    """`page` after every gainful push: an option takes its slot, whom it bars must go, open slots choose again.

    Once the pushes are used up, only those that gain whatever becomes of the others.
    """
    left = _budget(PUSHES, len(slots))
    found: Page | None = page
    while found is not None:
        page = found
        found, left = _push(slots, page, left)
    return page


def _budget(steps: int, slots: int) -> int:
    return steps if slots <= 8 else steps * 64 // slots**2


def _push(slots: Sequence[Options], page: Page, left: int) -> tuple[Page | None, int]:
    """The first better page that one push leads to, None if there is none; and how many further ones may be tried."""
    worth = total(page)
    for slot, options in enumerate(slots):
        standing = page[slot]
        here = standing.value if standing is not None else 0
        for option in options:
            if option.value <= here:
                break
            if left <= 0 and option.value <= here + _barred(page, slot, option):
                continue
            left -= 1
            pushed = _pushed(slots, page, slot, option)
            if total(pushed) > worth:
                return pushed, left
    return None, left


def _barred(page: Page, slot: int, option: Option) -> int:
    """What is lost of the other slots when `option` takes `slot`."""
    return sum(
        seated.value
        for other, seated in enumerate(page)
        if other != slot and seated is not None and seated.own & option.bars
    )


def _pushed(slots: Sequence[Options], page: Page, slot: int, option: Option) -> Page:
    """`page` with `option` in `slot`; slots that it empties choose anew, and so do those that stood open.

    Whoever is pushed out may push on (an augmenting path, Kuhn 1955) as long as somebody is barred by him alone.
    """
    page = list(page)
    moved = {slot}
    waiting = [(slot, option)]
    while waiting:
        at, entering = waiting.pop()
        page[at] = entering
        for other, seated in enumerate(page):
            if other != at and seated is not None and seated.own & entering.bars:
                page[other] = None
                if other not in moved:
                    moved.add(other)
                    replacement = _replacement(slots[other], page, moved)
                    if replacement is not None:
                        waiting.append((other, replacement))
    return _completed(slots, page)


def _replacement(options: Options, page: Page, moved: set[int]) -> Option | None:
    """What comes into a slot just emptied: the first that fits, else the first that bars nobody who has moved."""
    taken = _taken(page)
    for option in options:
        if not option.own & taken:
            return option
    fixed = _taken([page[slot] for slot in moved])
    return next((option for option in options if not option.own & fixed), None)


def _completed(slots: Sequence[Options], page: Page) -> Page:
    """Open slots take the first that fits."""
    taken = _taken(page)
    for slot, options in enumerate(slots):
        if page[slot] is None:
            for option in options:
                if not option.own & taken:
                    page[slot] = option
                    taken |= option.bars
                    break
    return page


def _taken(page: Page) -> int:
    taken = 0
    for option in page:
        if option is not None:
            taken |= option.bars
    return taken


class _Search:
    """Depth-first branch and bound; the slots with the most at stake first."""

    def __init__(self, slots: Sequence[Options], start: Page, nodes_max: int) -> None:
        self.best = start
        self.nodes = 0
        self._worth = total(start)
        self._nodes_max = nodes_max
        self._order = sorted(range(len(slots)), key=lambda slot: -slots[slot][0].value if slots[slot] else 0)
        self._slots = [slots[slot] for slot in self._order]
        self._cliques: _Cliques | None = None
        self._current: Page = [None] * len(slots)

    def run(self) -> bool:
        """Whether the whole tree was searched or ruled out."""
        return self._visit(0, 0, 0)

    def _visit(self, depth: int, taken: int, value: int) -> bool:
        """Everything below one node; False once the nodes are used up."""
        self.nodes += 1
        if self.nodes > self._nodes_max:
            return False
        for option in self._slots[depth]:
            if option.own & taken:
                continue
            if value + option.value + self._bound(depth + 1, taken) <= self._worth:
                break
            if not self._take(depth, option, taken | option.bars, value + option.value):
                return False
        return self._take(depth, None, taken, value)

    def _take(self, depth: int, option: Option | None, taken: int, value: int) -> bool:
        """One branch; where a single slot is left, its bound is its best and needs no node."""
        bound = value + self._bound(depth + 1, taken)
        if bound <= self._worth:
            return True
        self._current[depth] = option
        if depth + 2 >= len(self._slots):
            self._record(depth + 1, taken, bound)
            return True
        if self.nodes >= CLIQUES_FROM:
            self._cliques = self._cliques or _Cliques(self._slots)
            if value + self._cliques.bound(depth + 1, taken) <= self._worth:
                return True
        return self._visit(depth + 1, taken, value)

    def _bound(self, depth: int, taken: int) -> int:
        """No more can be had from the slots at `depth` and behind it: each its first that `taken` lets in."""
        most = 0
        for options in self._slots[depth:]:
            for option in options:
                if not option.own & taken:
                    most += option.value
                    break
        return most

    def _record(self, depth: int, taken: int, value: int) -> None:
        """The page at hand is the best so far; its last slot, if any is left, takes the first that fits."""
        if depth < len(self._slots):
            self._current[depth] = next((option for option in self._slots[depth] if not option.own & taken), None)
        self._worth = value
        page: Page = [None] * len(self._slots)
        for place, slot in enumerate(self._order):
            page[slot] = self._current[place]
        self.best = page


class _Cliques:
    """The sharper bound: of options that all bar each other, one at most stands. For many slots and few advertisers."""

    def __init__(self, slots: Sequence[Options]) -> None:
        cliques: list[int] = []
        self._floors: list[int] = []
        """By slot, the most valuable option that bars not even itself."""
        self._gains: list[list[tuple[int, int, int]]] = []
        """By slot, (what it is worth above the floor, its clique, its bits) of the others."""
        for options in slots:
            floor = next((option.value for option in options if not option.own & option.bars), 0)
            contested = [option for option in options if option.value > floor and option.own & option.bars]
            self._floors.append(floor)
            self._gains.append([(option.value - floor, _joined(option, cliques), option.own) for option in contested])
        self._count = len(cliques)

    def bound(self, depth: int, taken: int) -> int:
        """No more can be had from the slots at `depth` and behind it: their floors, and each clique's best gain."""
        gains = [0] * self._count
        for options in self._gains[depth:]:
            for gain, clique, own in options:
                if gain > gains[clique] and not own & taken:
                    gains[clique] = gain
        return sum(self._floors[depth:]) + sum(gains)


def _joined(option: Option, cliques: list[int]) -> int:
    """The first of `cliques`, each the bits of its members, whose members `option` bars, all of them; it joins."""
    for place, members in enumerate(cliques):
        if not members & ~option.bars:
            cliques[place] = members | option.own
            return place
    cliques.append(option.own)
    return len(cliques) - 1
