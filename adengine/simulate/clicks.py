"""How often lines are clicked in a simulated world: by flight, more for some topics than for others. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

import numpy as np

from adengine.catalog.known import Known
from adengine.learning.cells import Cell, Cells
from adengine.learning.evidence import Evidence, added
from adengine.pacing.student import Gather
from adengine.simulate.world import PLACES, TOPICS

RATES = (0.001, 0.02)
"""Of a flight's impressions are clicked, over all topics; each flight has its own part."""
TASTE = 0.5
"""How far a topic strays from that, as the sigma of a log-normal factor."""
SURE = 10**9
"""Impressions that leave no doubt."""


class Clicks:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rates: dict[tuple[int, str], float] = {}

    def rate(self, flight: int, topic: str) -> float:
        """The part of a flight's impressions that is clicked on pages of a topic (the page's first word for it)."""
        found = self._rates.get((flight, topic))
        if found is None:
            usual = float(np.random.default_rng([self._seed, 4, flight]).uniform(*RATES))
            taste = np.random.default_rng([self._seed, 5, flight, crc32(topic.encode())])
            found = self._rates[flight, topic] = usual * float(taste.lognormal(-(TASTE**2) / 2, TASTE))
        return found


def known(clicks: Clicks, flights: Mapping[int, int], shipped: Known) -> Gather:
    """The truth about a world, as evidence.  flights: of each creative its flight."""
    cells = Cells(shipped.gazetteer, shipped.taxonomy)
    spots = [
        (cell, topic) for place, _ in PLACES for topic, _ in TOPICS for cell in [_cell(cells, shipped, place, topic)]
    ]

    def told(versions: Mapping[int, int], _now_s: int) -> Evidence:
        by_creative: dict[int, dict[Cell, tuple[int, int]]] = {}
        for creative in versions:
            counts = by_creative.setdefault(creative, {})
            for cell, topic in spots:
                here = (SURE, int(SURE * clicks.rate(flights[creative], topic)))
                counts[cell] = added((counts.get(cell, (0, 0)), here))
        return Evidence(by_creative)

    return told


def _cell(cells: Cells, shipped: Known, place: str, topic: str) -> Cell:
    there, about = shipped.gazetteer.resolve(place).place, shipped.taxonomy.resolve(topic)
    assert there is not None and about is not None, "the world's own words"
    return cells.of(there.id, about.number)
