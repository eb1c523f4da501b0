"""Who may not stand beside whom on one page, and what it is called. Pure.

Candidates that have a key in common exclude each other: their advertiser (on sites where he is exclusive; else their
flight, which stands once), each label of their flight's `exclusions`, each category of their creative (on sites where
categories are exclusive). House lines have no keys. A flight that may repeat on a page does not exclude itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

from adengine.catalog.exclusive import ADVERTISER, CATEGORY
from adengine.catalog.snapshot import Candidates

KNOWN_MAX = 65_536
"""Candidates whose keys are remembered."""
FLIGHT, LABEL = "flight", "label"
Key: TypeAlias = tuple[str, int | str]
NOBODY = -1
"""The owner of a house line."""


class Rivals:
    """The rules of one site; shared by all threads."""

    def __init__(self, candidates: Candidates, exclusive: Collection[str]) -> None:
        """exclusive: names of `catalog.exclusive`."""
        self._candidates = candidates
        self._by_advertiser = ADVERTISER in exclusive
        self._by_category = CATEGORY in exclusive
        self._known: dict[int, tuple[Key, ...]] = {}
        self.owners: dict[int, int] = {}
        """As far as `owner` was asked."""
        self.only_owners = not (
            candidates.companion.any() or bool(candidates.labels) or (self._by_category and bool(candidates.categories))
        )
        """Whether nothing but their advertiser or flight keeps any two apart."""

    def keys(self, row: int) -> tuple[Key, ...]:
        """What a candidate is once of on a page; the first is its advertiser or flight. None for a house line."""
        keys = self._known.get(row)
        if keys is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            keys = self._known[row] = self._keys(row)
        return keys

    def _keys(self, row: int) -> tuple[Key, ...]:
        candidates = self._candidates
        if candidates.house[row]:
            return ()
        flight = int(candidates.flight_row[row])
        owner: Key = (ADVERTISER, int(candidates.advertiser[row])) if self._by_advertiser else (FLIGHT, flight)
        labels = candidates.labels[flight]
        categories = candidates.categories[candidates.creative_row[row]] if self._by_category else ()
        if not labels and not categories:
            return (owner,)
        return (owner, *((LABEL, label) for label in labels), *((CATEGORY, category) for category in categories))

    def owner(self, row: int) -> int:
        """The advertiser (an id) or flight (a row) that stands once on a page; `NOBODY` of a house line."""
        owner = self.owners.get(row)
        if owner is None:
            if len(self.owners) >= KNOWN_MAX:
                self.owners.clear()
            keys = self.keys(row)
            owner = self.owners[row] = int(keys[0][1]) if keys else NOBODY
        return owner

    def repeats(self, row: int) -> bool:
        """Whether its flight may stand in several slots of a page."""
        return bool(self._candidates.companion[row] or self._candidates.whole_page[row])

    def are_strangers(self, rows: Iterable[int]) -> bool:
        """Whether no two of `rows` have a key in common, so that all of them may stand on one page."""
        seen: set[Key] = set()
        for row in rows:
            for key in self.keys(row):
                if key in seen:
                    return False
                seen.add(key)
        return True

    def conflict(self, row: int, others: Iterable[int]) -> str | None:
        """The reason why `row` may not stand beside one of `others`; None if it may stand beside all."""
        found = {reason for other in others if (reason := self._between(row, other)) is not None}
        return next((reason for reason in _IN_ORDER if reason in found), None)

    def bits(self, rows: Sequence[int]) -> dict[int, tuple[int, int]]:
        """For each of `rows` its bits and those it bars, as `optimiser.Option` has them."""
        kinds: dict[tuple[int, tuple[Key, ...]], int] = {}
        holders: dict[Key, int] = defaultdict(int)
        of_flight: dict[int, int] = defaultdict(int)
        kind_of = {row: (int(self._candidates.flight_row[row]), self.keys(row)) for row in rows}
        for flight, keys in kind_of.values():
            if keys and (flight, keys) not in kinds:
                bit = kinds[flight, keys] = 1 << len(kinds)
                of_flight[flight] |= bit
                for key in keys:
                    holders[key] |= bit
        found = {}
        for row, (flight, keys) in kind_of.items():
            bars = 0
            for key in keys:
                bars |= holders[key]
            found[row] = (kinds.get((flight, keys), 0), bars & ~of_flight[flight] if self.repeats(row) else bars)
        return found

    def _between(self, row: int, other: int) -> str | None:
        shared = set(self.keys(row)).intersection(self.keys(other))
        if not shared:
            return None
        is_same_flight = self._candidates.flight_row[row] == self._candidates.flight_row[other]
        if is_same_flight and self.repeats(row):
            return None
        return next((REASON_OF[kind] for kind in REASON_OF if any(key[0] == kind for key in shared)), None)


REASON_OF = {
    FLIGHT: "flight_on_page",
    ADVERTISER: "advertiser_on_page",
    LABEL: "competitor_on_page",
    CATEGORY: "competitor_on_page",
}
"""By the kind of key that two candidates share; the first that they share is said."""
_IN_ORDER = tuple(dict.fromkeys(REASON_OF.values()))
