"""What a candidate is worth in a slot of a page, as whole numbers that add up. Pure.

The first of these that differs decides between two pages: class by class, best first, how many slots it fills; their
position weights; how early they stand; what fills them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from adengine.serving.lots import Choice

STEPS = 2**24
"""Between worth nothing and worth all."""
WEIGHT_STEPS = 1000
"""Position weights count to the third decimal."""
POSITION_WEIGHT_MAX = 10
LISTED_MAX = 1000
"""More candidates than any slot's shortlist holds."""


class Scale:
    def __init__(self, weights: tuple[float, ...], ranks: frozenset[int]) -> None:
        """weights: of all slots' positions.  ranks: of the classes that matter."""
        slots = len(weights)
        self._steps = [weight * STEPS for weight in weights]
        places = [
            int(weight * WEIGHT_STEPS) * (slots * slots + 1) + slots - slot for slot, weight in enumerate(weights)
        ]
        worths = slots * (POSITION_WEIGHT_MAX * STEPS + LISTED_MAX) + 1
        filled = slots * max(places) + 1
        base = slots * (filled + max(places) + 1) * worths
        self._seats = [(filled + place) * worths for place in places]
        self._class: dict[int, int] = {rank: base**place for place, rank in enumerate(sorted(ranks, reverse=True))}

    def value(self, choice: Choice, slot: int) -> int:
        rank, worth, _ = choice
        return self._class[rank] * (self._seats[slot] + (int(worth * self._steps[slot]) or 1))

    def values(self, listed: Sequence[Choice], slot: int) -> list[int]:
        """What each of a slot's is worth there, best first; strictly falling inside a class, so that rounding never
        overrules the draw."""
        found: list[int] = []
        rank, fine = -1, 0
        for choice in reversed(listed):
            fine = max(int(choice.worth * self._steps[slot]), fine + 1 if choice.rank == rank else 1)
            rank = choice.rank
            found.append(self._class[rank] * (self._seats[slot] + fine))
        return found[::-1]


scale_of = lru_cache(1024)(Scale)
"""The same, made once."""
