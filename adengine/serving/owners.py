"""The best page where nothing but their owner (advertiser or flight) keeps any two candidates apart. Pure.

Most pages are such. Depth first over the slots, each one's candidates in drawn order; a branch ends where even the
first choice of every slot that is left could not make it better, so that hardly anybody but the first two or three of
a slot is ever drawn. What is found is the best of all, whatever `serving.page` would have shortlisted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adengine.serving.rivals import Key, Rivals
from adengine.serving.slates import Slate
from adengine.serving.worths import Scale

NODES_MAX = 300
"""Branches that are looked at; beyond them the page is left to `serving.optimiser`."""


class _Search:
    def __init__(self, slates: Mapping[int, Slate], scale: Scale, rivals: Rivals, standing: Sequence[int]) -> None:
        self._slots = list(slates)
        self._slates = list(slates.values())
        self._scale = scale
        self._rivals = rivals
        self._known: list[list[tuple[int, Key | None, int]]] = [[] for _ in slates]
        """By depth, (worth, owner, candidate) of those that were asked for."""
        self._taken = [key for row in standing for key in rivals.keys(row)[:1]]
        self._most = [0] * (len(slates) + 1)
        """By depth, no more can be had from there on."""
        for depth in reversed(range(len(slates))):
            first = self._option(depth, 0)
            self._most[depth] = self._most[depth + 1] + (first[0] if first is not None else 0)
        self._nodes = 0
        self._worth = -1
        self._current: list[int | None] = [None] * len(slates)
        self.best: list[int | None] = list(self._current)
        self.is_done = self._visit(0, 0)

    def _option(self, depth: int, place: int) -> tuple[int, Key | None, int] | None:
        """(what it is worth, its owner, None for a house line, the candidate) in drawn order; None behind the last."""
        known = self._known[depth]
        if place < len(known):
            return known[place]
        choice = self._slates[depth].at(place)
        if choice is None:
            return None
        keys = self._rivals.keys(choice.row)
        option = (self._scale.value(choice, self._slots[depth]), keys[0] if keys else None, choice.row)
        known.append(option)
        return option

    def _visit(self, depth: int, worth: int) -> bool:
        """Everything below one node; False once the nodes are used up."""
        if depth == len(self._slates):
            if worth > self._worth:
                self._worth, self.best = worth, self._current[:]
            return True
        self._nodes += 1
        if self._nodes > NODES_MAX:
            return False
        place, rest, taken = 0, self._most[depth + 1], self._taken
        while (option := self._option(depth, place)) is not None:
            value, owner, row = option
            if worth + value + rest <= self._worth:
                return True
            if owner is None or owner not in taken:
                self._current[depth] = row
                taken.append(owner)  # type: ignore[arg-type]  # a house line's None is nobody's owner
                is_done = self._visit(depth + 1, worth + value)
                taken.pop()
                if not is_done:
                    return False
            place += 1
        if worth + rest <= self._worth:
            return True
        self._current[depth] = None
        return self._visit(depth + 1, worth)


def best_by_owners(
    slates: Mapping[int, Slate], scale: Scale, rivals: Rivals, standing: Sequence[int]
) -> list[int | None] | None:
    """The candidate of each slot in the order given, None where it stays open; None if the search was given up.

    slates: by the number of the slot on its page.  standing: candidates that stay.
    """
    search = _Search(slates, scale, rivals, standing)
    return search.best if search.is_done else None
