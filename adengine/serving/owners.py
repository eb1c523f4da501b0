"""The best page where nothing but their owner (advertiser or flight) keeps any two candidates apart. Pure.

Most pages are such. Depth first over the slots, each one's candidates in drawn order; a branch ends where even the best
that the slots left could have would not make it better (of those that want the same owner, one has him and the others
their second), so that hardly anybody but the first two or three of a slot is ever drawn. What is found is the best of
all, whatever `serving.page` would have shortlisted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adengine.serving.rivals import Key, Rivals
from adengine.serving.slates import Slate
from adengine.serving.worths import Scale

NODES_MAX = 300
"""Branches that are looked at; beyond them the page is left to `serving.optimiser`."""


Option = tuple[int, tuple[Key, ...], int]
"""(what it is worth, its owner, none for a house line, the candidate)."""


class _Search:
    def __init__(self, slates: Mapping[int, Slate], scale: Scale, rivals: Rivals, standing: Sequence[int]) -> None:
        self._slates = list(slates.items())
        self._scale = scale
        self._rivals = rivals
        self._options: list[list[Option]] = [[] for _ in slates]
        """By depth, those that were asked for, in drawn order."""
        self._taken = [rivals.keys(row) for row in standing]
        self._nodes = 0
        self._worth = -1
        self._current: list[int | None] = [None] * len(slates)
        self.best: list[int | None] = list(self._current)
        self.is_done = self._visit(0, 0)

    def _has(self, depth: int, place: int) -> bool:
        """Whether there is such an option; it is there from now on."""
        slot, slate = self._slates[depth]
        choice = slate.at(place)
        if choice is None:
            return False
        self._options[depth].append((self._scale.value(choice, slot), self._rivals.keys(choice.row), choice.row))
        return True

    def _visit(self, depth: int, worth: int) -> bool:
        """Everything below one node; False once the nodes are used up."""
        self._nodes += 1
        if self._nodes > NODES_MAX:
            return False
        options, taken, is_last = self._options[depth], self._taken, depth + 1 == len(self._slates)
        rest = 0 if is_last else self._most(depth + 1)
        place = 0
        while place < len(options) or self._has(depth, place):
            value, owner, row = options[place]
            reached = worth + value
            if reached + rest <= self._worth:
                return True
            if not owner or owner not in taken:
                self._current[depth] = row
                if is_last:
                    self._worth, self.best = reached, self._current[:]
                    return True
                taken.append(owner)
                is_done = self._visit(depth + 1, reached)
                taken.pop()
                if not is_done:
                    return False
            place += 1
        if worth + rest <= self._worth:
            return True
        self._current[depth] = None
        if is_last:
            self._worth, self.best = worth, self._current[:]
            return True
        return self._visit(depth + 1, worth)

    def _most(self, depth: int) -> int:
        """No more can be had from the slots at `depth` and behind it, beside those that are taken."""
        most = 0
        gains: dict[tuple[Key, ...], int] = {}
        for at in range(depth, len(self._slates)):
            value, owner, place = self._free(at, 0)
            if owner and depth + 1 < len(self._slates):
                second = self._free(at, place + 1, owner)[0]
                gains[owner] = max(gains.get(owner, 0), value - second)
                value = second
            most += value
        return most + sum(gains.values())

    def _free(self, depth: int, place: int, other: tuple[Key, ...] = ()) -> tuple[int, tuple[Key, ...], int]:
        """(worth, owner, its place) of the first option from `place` on that is not taken, nor `other`'s."""
        options, taken = self._options[depth], self._taken
        while place < len(options) or self._has(depth, place):
            value, owner, _ = options[place]
            if not owner or (owner not in taken and owner != other):
                return value, owner, place
            place += 1
        return 0, (), place


def best_by_owners(
    slates: Mapping[int, Slate], scale: Scale, rivals: Rivals, standing: Sequence[int]
) -> list[int | None] | None:
    """The candidate of each slot in the order given, None where it stays open; None if the search was given up.

    slates: by the number of the slot on its page.  standing: candidates that stay.
    """
    if not slates:
        return []
    search = _Search(slates, scale, rivals, standing)
    return search.best if search.is_done else None
