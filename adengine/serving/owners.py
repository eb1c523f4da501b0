"""The best page where nothing but their owner (advertiser or flight) keeps any two candidates apart. Pure.

Most pages are such. Depth first over the slots, each one's candidates in drawn order; a branch ends where even the
first choice of every slot that is left could not make it better, so that hardly anybody but the first two or three of
a slot is ever drawn. What is found is the best of all, whatever `serving.page` would have shortlisted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adengine.serving.lots import Choice
from adengine.serving.rivals import Rivals
from adengine.serving.worths import Scale

NODES_MAX = 300
"""Branches that are looked at; beyond them the page is left to `serving.optimiser`."""


class _Queue:
    """A slot's candidates, drawn as far as they were asked for."""

    __slots__ = ("_choices", "_found", "_rivals", "_scale", "_slot")

    def __init__(self, choices: Iterator[Choice], slot: int, scale: Scale, rivals: Rivals) -> None:
        self._choices = choices
        self._slot = slot
        self._scale = scale
        self._rivals = rivals
        self._found: list[tuple[int, object, int]] = []

    def at(self, place: int) -> tuple[int, object, int] | None:
        """(what it is worth, its owner, None for a house line, the candidate) in drawn order; None behind the last."""
        while place >= len(self._found):
            choice = next(self._choices, None)
            if choice is None:
                return None
            keys = self._rivals.keys(choice.row)
            self._found.append((self._scale.value(choice, self._slot), keys[0] if keys else None, choice.row))
        return self._found[place]


class _Search:
    def __init__(self, queues: Sequence[_Queue], taken: frozenset[object]) -> None:
        self._queues = queues
        firsts = [first[0] if (first := queue.at(0)) is not None else 0 for queue in queues]
        self._most = [sum(firsts[depth:]) for depth in range(len(firsts) + 1)]
        """By depth, no more can be had from there on."""
        self._nodes = 0
        self._worth = -1
        self._current: list[int | None] = [None] * len(queues)
        self.best: list[int | None] = list(self._current)
        self.is_done = self._visit(0, taken, 0)

    def _visit(self, depth: int, taken: frozenset[object], worth: int) -> bool:
        """Everything below one node; False once the nodes are used up."""
        if depth == len(self._queues):
            if worth > self._worth:
                self._worth, self.best = worth, list(self._current)
            return True
        self._nodes += 1
        if self._nodes > NODES_MAX:
            return False
        place, queue, rest = 0, self._queues[depth], self._most[depth + 1]
        while (option := queue.at(place)) is not None:
            value, owner, row = option
            if worth + value + rest <= self._worth:
                return True
            if owner is None or owner not in taken:
                self._current[depth] = row
                if not self._visit(depth + 1, taken if owner is None else taken | {owner}, worth + value):
                    return False
            place += 1
        if worth + rest <= self._worth:
            return True
        self._current[depth] = None
        return self._visit(depth + 1, taken, worth)


def best_by_owners(
    ranked: Sequence[tuple[int, Iterator[Choice]]], scale: Scale, rivals: Rivals, standing: Sequence[int]
) -> list[int | None] | None:
    """The candidate of each slot in the order given, None where it stays open; None if the search was given up.

    ranked: (number of the slot on its page, all who may stand there, best first).  standing: candidates that stay.
    """
    taken = frozenset(key for row in standing for key in rivals.keys(row)[:1])
    search = _Search([_Queue(choices, slot, scale, rivals) for slot, choices in ranked], taken)
    return search.best if search.is_done else None
