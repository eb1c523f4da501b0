"""The draw among candidates of one class (tier and priority) in one slot: by weight, or by a pacing score. Pure.

Everybody is looked at here, which small or unusual pages need; `serving.lots` draws by the same law and looks at few.
Lots are a hash of the request's seed and of ids, so that the same seed draws the same page again.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.snapshot import Candidates, Rows

Floats: TypeAlias = NDArray[np.float64]

SCORE_LEAST, SCORE_MOST = -30.0, 50.0
"""Scores with their noise lie between, or are as good as these."""
WORTH_LEAST = 1e-9
NOISE = 0.05
"""Of scores: T in docs/decisions/0009-page.md; twice of it costs 1 % of the clicks (0027)."""
EULER = 0.5772156649015329
_WHOLE_PAGE = 0xFFFF
"""In place of a slot's number, for what is drawn once for all slots."""
_STAY = 0xFFFE
"""The same, for whether it asks at all."""
_WHOLE_FLIGHT = 0xFFFFFFFF
"""In place of a creative's id, for what is drawn once for all creatives of a flight."""
GOLDEN = 0x9E3779B97F4A7C15
WORD = 0xFFFFFFFFFFFFFFFF
_MIX_1, _MIX_2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def drawn(
    candidates: Candidates,
    rows: Rows,
    seed: int,
    slot: int,
    scores: Floats | None,
    factors: Floats | None = None,
) -> tuple[Rows, Floats]:
    """`rows` of one class in drawn order, best first, and what each is worth: in [0, 1], never rising.

    By weight, a flight is worth U ** (all weights ÷ its own) (Efraimidis & Spirakis, IPL 97, 2006): the best one of a
    slot is each flight in proportion to its weight, and each creative in proportion within its flight. By score, the
    flight is worth where its score with its Gumbel noise lies between the least and the most; so is each of its
    creatives, and they stand in weighted order. A flight that stands on whole pages is drawn once for all slots.

    scores: shape (candidates,), of each one's flight; NaN: by weight.  None: all by weight.
    factors: shape (rows,), of each one's chance (`serving.closeness`); None: 1.
    """
    factors = np.ones(rows.size) if factors is None else factors
    parts = shares(candidates, rows) * factors
    waits = -np.log(uniforms_of(seed, slot, candidates.flight[rows], candidates.creative[rows])) / parts
    whole = candidates.whole_page[rows]
    if scores is None and not whole.any():
        order = np.argsort(waits, kind="stable")
        return rows[order], np.exp(-waits[order] * parts.sum())
    lots = _flight_lots(candidates, rows, seed, slot, whole)
    scored = np.zeros_like(whole) if scores is None else ~np.isnan(scores[rows])
    times = waits * parts[~scored].sum()
    weights = candidates.flight_weight[rows[whole]] * factors[whole]
    times[whole] = -np.log(lots[whole]) * parts[~scored].sum() / weights
    if scores is not None:
        noisy = raised(scores[rows[scored]], factors[scored]) + NOISE * _gumbel(lots[scored])
        times[scored] = -np.log(np.clip((noisy - SCORE_LEAST) / (SCORE_MOST - SCORE_LEAST), WORTH_LEAST, 1.0))
    order = np.lexsort((waits, times))
    return rows[order], np.exp(-times[order])


def raised(scores: Floats, factors: Floats) -> Floats:
    """Scores that are drawn as often beside their equals as weights would be that are multiplied by `factors`."""
    found: Floats = scores + NOISE * np.log(factors)
    return found


def stay(scores: Floats, flights: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Which of `flights` ask for a page at all: those whose score with its noise lies above 0. Shapes (n,)."""
    lots = uniforms_of(seed, _STAY, flights, np.full_like(flights, _WHOLE_FLIGHT))
    kept: NDArray[np.bool_] = scores + NOISE * _gumbel(lots) > 0
    return kept


def stays(score: float, flight: int, seed: int) -> bool:
    """The same for one."""
    return score + NOISE * (-math.log(-math.log(chance_of(seed, flight))) - EULER) > 0


def chance_of(seed: int, flight: int) -> float:
    """A flight's own lot for a page, in (0, 1)."""
    return uniform_of(seed, _STAY, flight, _WHOLE_FLIGHT)


def uniforms_of(seed: int, slot: int, flight: NDArray[np.int64], creative: NDArray[np.int64]) -> Floats:
    """Independent draws in (0, 1), one per candidate, that depend on nothing but the arguments.

    By ids, not by rows, so that an edit elsewhere in the catalogue does not change a replayed page.
    The finaliser is splitmix64's (Steele, Lea & Flood, OOPSLA 2014); its 53 upper bits make the fraction.
    """
    start = _mixed(np.array([(seed ^ slot * 0xD1B54A32D192ED03) & 0xFFFFFFFFFFFFFFFF], np.uint64))
    name = flight.astype(np.uint64) << np.uint64(32) | creative.astype(np.uint64)
    bits = _mixed(start + (name + np.uint64(1)) * np.uint64(GOLDEN))
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def uniform_of(seed: int, slot: int, flight: int, creative: int) -> float:
    """The same for one."""
    start = mixed((seed ^ slot * 0xD1B54A32D192ED03) & WORD)
    name = flight << 32 | creative
    return ((mixed((start + (name + 1) * GOLDEN) & WORD) >> 11) + 0.5) * 2.0**-53


def mixed(bits: int) -> int:
    """splitmix64's finaliser, of 64 bits."""
    bits = (bits ^ bits >> 30) * _MIX_1 & WORD
    bits = (bits ^ bits >> 27) * _MIX_2 & WORD
    return bits ^ bits >> 31


def shares(candidates: Candidates, rows: Rows) -> Floats:
    """Each one's part of the draw among `rows`: its flight's weight, split by the weights of its creatives in `rows`.

    So a flight's chance does not grow with the number of its creatives, nor shrink when some of them are capped.
    """
    flight, weights = candidates.flight_row[rows], candidates.creative_weight[rows]
    first = flight[0]
    flight = flight - first
    parts: Floats = candidates.flight_weight[rows] * weights / np.bincount(flight, weights)[flight]
    return parts


def _flight_lots(candidates: Candidates, rows: Rows, seed: int, slot: int, whole: NDArray[np.bool_]) -> Floats:
    """One lot per flight and slot; per flight and page for those of whole pages."""
    flights = candidates.flight[rows]
    names = np.full_like(flights, _WHOLE_FLIGHT)
    lots = uniforms_of(seed, slot, flights, names)
    lots[whole] = uniforms_of(seed, _WHOLE_PAGE, flights[whole], names[whole])
    return lots


def _gumbel(uniforms: Floats) -> Floats:
    """Of mean 0."""
    return -np.log(-np.log(uniforms)) - EULER


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ bits >> np.uint64(30)) * np.uint64(_MIX_1)
    bits = (bits ^ bits >> np.uint64(27)) * np.uint64(_MIX_2)
    return bits ^ bits >> np.uint64(31)
