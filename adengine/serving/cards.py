"""What the line asks again and again of those who stand on a page, as plain numbers. Pure.

A look at one element of an array costs ten times a look at a tuple, and a page takes two dozen of them.
"""

from __future__ import annotations

from typing import NamedTuple

from adengine.catalog.snapshot import Snapshot

KNOWN_MAX = 65_536


class Card(NamedTuple):
    """Of one candidate."""

    flight: int
    """Its id."""
    logged: bool
    """Whether it is to stand in the reader log."""
    budgeted: bool
    """Whether each of its impressions must be leased."""
    house: bool
    whole_page: bool


class Cards:
    """Of a snapshot's candidates, as they are asked for. Shared by all threads."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known: dict[int, Card] = {}

    def of(self, row: int) -> Card:
        card = self._known.get(row)
        if card is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            card = self._known[row] = self._made(row)
        return card

    def _made(self, row: int) -> Card:
        snapshot = self._snapshot
        candidates = snapshot.candidates
        flight = int(candidates.flight_row[row])
        return Card(
            flight=int(candidates.flight[row]),
            logged=bool(snapshot.logged[flight]),
            budgeted=bool(snapshot.budgeted[flight]),
            house=bool(candidates.house[row]),
            whole_page=bool(candidates.whole_page[row]),
        )
