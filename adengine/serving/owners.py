"""The best page where nothing but their owner (advertiser or flight) keeps any two candidates apart. Pure.

Most pages are such. Each slot begins with its first choice. Where several want the same owner, one of them has him and
nobody else, or none of these has: each of that is a page that is worth a little less. The one that is worth the most
is looked at next, until nobody is wanted twice on it. No page that was not looked at can be worth more then: it is the
best of all, whatever `serving.page` would have shortlisted, and hardly anybody but the first two of a slot is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from adengine.serving.lots import Choice
from adengine.serving.rivals import NOBODY, Rivals
from adengine.serving.slates import Slate
from adengine.serving.worths import Scale, scale_of

PAGES_MAX = 100
"""Pages that are looked at; beyond them the page is left to `serving.optimiser`."""
Barred = dict[int, int]
"""By owner, the bits of the slots in which he must not stand."""


class _Options:
    """Those of one slot, as far as they were asked for, in drawn order; behind the last, that it stays open."""

    __slots__ = ("_owner_of", "_slate", "bit", "choices", "owners", "slot")

    def __init__(self, slot: int, bit: int, slate: Slate, rivals: Rivals) -> None:
        self.slot = slot
        self.bit = bit
        self._slate = slate
        self._owner_of = rivals.owner
        self.choices: list[Choice | None] = []
        self.owners: list[int] = []

    def free(self, at: int, barred: Barred) -> int:
        """The first from `at` on who is not barred here."""
        owners = self.owners
        while True:
            if at == len(owners):
                choice = self._slate.at(at)
                self.choices.append(choice)
                owners.append(NOBODY if choice is None else self._owner_of(choice.row))
            if not barred.get(owners[at], 0) & self.bit:
                return at
            at += 1

    def worth(self, at: int, scale: Scale) -> int:
        choice = self.choices[at]
        return 0 if choice is None else scale.value(choice, self.slot)


class _Page(NamedTuple):
    """The best of all pages on which some do not stand in some slots, if nobody were in the way of another."""

    minus_worth: int
    """First, as a heap begins with the least."""
    number: int
    """How often somebody was decided on before it: of two that are worth the same, the one with less of it comes first.
    No two have all their options in common, so what is barred is never compared."""
    at: Sequence[int]
    """By slot, its option."""
    barred: Barred


def best_by_owners(
    slates: Mapping[int, Slate], weights: Sequence[float], rivals: Rivals, standing: Iterable[int]
) -> list[int | None] | None:
    """The candidate of each slot in the order given, None where it stays open; None if the search was given up.

    slates: by the number of the slot on its page.  weights: of all slots' positions.  standing: candidates that stay.
    """
    options = [_Options(slot, 1 << at, slate, rivals) for at, (slot, slate) in enumerate(slates.items())]
    barred = {owner: -1 for row in standing if (owner := rivals.owner(row)) != NOBODY}
    first = [listed.free(0, barred) for listed in options]
    found: Sequence[int] | None = first
    if _wanted_twice([listed.owners[place] for listed, place in zip(options, first, strict=True)]) is not None:
        scale = scale_of(tuple(weights), frozenset([rank for slate in slates.values() for rank in slate.ranks]))
        found = _searched(options, scale, first, barred)
    if found is None:
        return None
    chosen = [listed.choices[place] for listed, place in zip(options, found, strict=True)]
    return [choice.row if choice is not None else None for choice in chosen]


def _searched(options: Sequence[_Options], scale: Scale, at: Sequence[int], barred: Barred) -> Sequence[int] | None:
    """By slot, its option on the best page.  at: those of the first page to look at."""
    page = _Page(0, 0, at, barred)
    waiting: list[_Page] = []
    for _ in range(PAGES_MAX):
        owners = [listed.owners[place] for listed, place in zip(options, page.at, strict=True)]
        owner = _wanted_twice(owners)
        if owner is None:
            return page.at
        wanting = [slot for slot, wanted in enumerate(owners) if wanted == owner]
        for made in _pages_behind(page, options, scale, owner, wanting):
            heappush(waiting, made)
        page = heappop(waiting)
    return None  # there may be more such pages than anybody has time for


def _pages_behind(
    page: _Page, options: Sequence[_Options], scale: Scale, owner: int, wanting: Sequence[int]
) -> Iterable[_Page]:
    """That page if one of the slots `wanting` keeps the owner whom all of them want, and if none does.

    The worth of the first page counts as 0.
    """
    minus_worth, number, at, barred = page
    lost, moved = {}, [*at]
    without = {**barred, owner: barred.get(owner, 0) | sum([options[slot].bit for slot in wanting])}
    for slot in wanting:
        listed, place = options[slot], at[slot]
        moved[slot] = listed.free(place + 1, without)
        lost[slot] = listed.worth(place, scale) - listed.worth(moved[slot], scale)
    minus_worth += sum(lost.values())
    pages = [_Page(minus_worth, number + 1, moved, without)]
    for slot in wanting:
        kept = [*moved]
        kept[slot] = at[slot]
        pages.append(_Page(minus_worth - lost[slot], number + 1, kept, {**barred, owner: ~options[slot].bit}))
    return pages


def _wanted_twice(owners: Sequence[int]) -> int | None:
    """An owner who stands in two slots."""
    seen: set[int] = set()
    for owner in owners:
        if owner in seen:
            return owner
        if owner != NOBODY:
            seen.add(owner)
    return None
