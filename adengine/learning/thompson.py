"""How often each creative of a campaign is to stand for it, and where a campaign's clicks come from. Pure.

Hierarchical Thompson sampling (Thompson 1933; Chapelle & Li, NIPS 2011), worked out for many pages at once: the
chance of a creative in a cell is the part of `DRAWS` samples in which it has the highest click rate, so that every
chance is known exactly. Rates are drawn in two steps:

    everywhere  p ~ Beta(m·ν + clicks, (1 − m)·ν + impressions − clicks)         m the mean of all, ν = `PRIOR`
    in a cell   p ~ Beta(p·κ + clicks there, (1 − p)·κ + impressions there − clicks there)         κ = `KEPT`

and `EXPLORED` of all pages go to all creatives alike, so that none is ever given up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from adengine.learning.cells import EVERYWHERE, Cell
from adengine.learning.evidence import Evidence
from adengine.learning.learnt import Learnt

RATE = 0.004
"""Clicks of an impression before anything is known, worth `PRIOR` impressions."""
PRIOR = 400.0
KEPT = 10_000.0
"""So many impressions in a cell weigh as much as all that is known from elsewhere."""
EXPLORED = 0.05
DRAWS = 400
RATE_LEAST = 1e-9
CELL_LEAST = 1_000
"""Impressions of a campaign in a cell, below which it is treated as everywhere."""
CELLS_MOST = 64
"""Of a campaign: those with the most impressions."""
WORTH_MOST = 10.0
Floats = NDArray[np.float64]


def learn(
    evidence: Evidence,
    campaigns: Mapping[int, Sequence[int]],
    *,
    optimised: frozenset[int],
    paced: frozenset[int],
    number: int,
) -> Learnt:
    """campaigns: of each its creatives.  optimised: campaigns whose creatives are drawn by what was learnt.

    paced: campaigns of flights with a goal, of which worths are asked.  number: of the result, and of its lots.
    """
    totals = [evidence.total(creative) for creatives in campaigns.values() for creative in creatives]
    mean = _rate(sum(n for n, _ in totals), sum(clicks for _, clicks in totals), RATE, PRIOR)
    chances: dict[Cell, dict[int, float]] = {}
    for campaign in sorted(optimised & campaigns.keys()):
        creatives = sorted(campaigns[campaign])
        if len(creatives) > 1:
            lots = np.random.default_rng([number, campaign])
            for cell, row in _chances(evidence, creatives, mean, lots).items():
                chances.setdefault(cell, {}).update(zip(creatives, row.tolist(), strict=True))
    worths = _worths(evidence, {campaign: campaigns[campaign] for campaign in paced & campaigns.keys()}, mean)
    return Learnt(number=number, worths=worths, chances=chances)


def _chances(
    evidence: Evidence, creatives: Sequence[int], mean: float, lots: np.random.Generator
) -> dict[Cell, Floats]:
    """Shape (creatives,) each."""
    seen, clicked = np.array([evidence.total(creative) for creative in creatives], np.float64).T
    drawn = lots.beta(mean * PRIOR + clicked, (1 - mean) * PRIOR + seen - clicked, (DRAWS, len(creatives)))
    anywhere = np.clip(drawn, RATE_LEAST, 1 - RATE_LEAST)
    found = {EVERYWHERE: _parts(anywhere)}
    for cell in _busiest(evidence.in_cells(creatives)):
        here = [evidence.by_creative.get(creative, {}).get(cell, (0, 0)) for creative in creatives]
        seen, clicked = np.array(here, np.float64).T
        found[cell] = _parts(lots.beta(anywhere * KEPT + clicked, (1 - anywhere) * KEPT + seen - clicked))
    return found


def _parts(rates: Floats) -> Floats:
    """Of samples, shape (draws, creatives), how often each creative is the best."""
    draws, creatives = rates.shape
    wins = np.bincount(rates.argmax(axis=1), minlength=creatives)
    parts: Floats = (1 - EXPLORED) * wins / draws + EXPLORED / creatives
    return parts


def _worths(evidence: Evidence, campaigns: Mapping[int, Sequence[int]], mean: float) -> dict[Cell, dict[int, float]]:
    """Expected clicks of each campaign ÷ the mean of all, by cell; nothing before anybody has clicked."""
    cells = {campaign: evidence.in_cells(creatives) for campaign, creatives in campaigns.items()}
    rates = {campaign: _rate(*_totals(counts), mean, PRIOR) for campaign, counts in cells.items()}
    if not any(_totals(counts)[1] for counts in cells.values()):
        return {}
    usual = sum(rates.values()) / len(rates)
    found: dict[Cell, dict[int, float]] = {EVERYWHERE: {c: min(rate / usual, WORTH_MOST) for c, rate in rates.items()}}
    for campaign, counts in cells.items():
        for cell in _busiest(counts):
            rate = _rate(*counts[cell], rates[campaign], KEPT)
            found.setdefault(cell, {})[campaign] = min(rate / usual, WORTH_MOST)
    return found


def _busiest(counts: Mapping[Cell, tuple[int, int]]) -> list[Cell]:
    enough = [cell for cell, (seen, _) in counts.items() if seen >= CELL_LEAST and cell != EVERYWHERE]
    return sorted(enough, key=lambda cell: (-counts[cell][0], cell))[:CELLS_MOST]


def _totals(counts: Mapping[Cell, tuple[int, int]]) -> tuple[int, int]:
    return sum(seen for seen, _ in counts.values()), sum(clicked for _, clicked in counts.values())


def _rate(seen: int, clicked: int, expected: float, weight: float) -> float:
    """The mean of a Beta posterior whose prior is `weight` impressions at the `expected` rate."""
    return (expected * weight + clicked) / (weight + seen)
