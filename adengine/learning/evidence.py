"""What was seen and clicked, by creative and cell: the sums that learning starts from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from adengine.learning.cells import Cell


@dataclass(frozen=True, slots=True)
class Evidence:
    """(impressions, clicks) of each creative by cell; clicks are never more."""

    by_creative: Mapping[int, Mapping[Cell, tuple[int, int]]] = field(default_factory=dict)

    def total(self, creative: int) -> tuple[int, int]:
        return added(self.by_creative.get(creative, {}).values())

    def in_cells(self, creatives: Iterable[int]) -> dict[Cell, tuple[int, int]]:
        """Of several creatives together."""
        found: dict[Cell, tuple[int, int]] = {}
        for creative in creatives:
            for cell, counts in self.by_creative.get(creative, {}).items():
                found[cell] = added((found.get(cell, (0, 0)), counts))
        return found


def added(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    impressions = clicks = 0
    for seen, clicked in pairs:
        impressions += seen
        clicks += clicked
    return impressions, clicks
