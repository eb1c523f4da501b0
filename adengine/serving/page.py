"""Who stands in which slot of a page.

All slots of a request are decided here at once, so that the optimiser of whole pages (values, exclusions, roadblocks)
has its place: it will replace `allocate` and nothing else. What may stand where has been settled before
(`serving.eligibility`, caps); what is settled here:

1. tiers are lexicographic, and so are priorities inside a tier: each such class fills as many of the open slots as it
   can before the next class is looked at;
2. inside a class a flight is drawn in proportion to its weight, and a creative in proportion to its weight among those
   of its flight;
3. no advertiser stands twice on a page, house lines excepted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.snapshot import Candidates, Rows

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def allocate(
    candidates: Candidates, eligible: Sequence[Rows], seed: int, kept: Sequence[int | None] | None = None
) -> list[int | None]:
    """The candidate of each slot, or None where the slot stays open.

    eligible: what may stand in each slot.  seed: 64 bits; the same one gives the same page.
    kept: who already stands there and stays, slot by slot.
    """
    chosen: list[int | None] = list(kept) if kept is not None else [None] * len(eligible)
    wanted = [rows for rows, row in zip(eligible, chosen, strict=True) if row is None]
    for rank in np.unique(np.concatenate([candidates.rank[rows] for rows in wanted])) if wanted else ():
        open_slots = [slot for slot, row in enumerate(chosen) if row is None]
        taken = advertisers_of(candidates, chosen)
        options = {
            slot: _shortlist(candidates, rows, seed, slot, len(open_slots))
            for slot in open_slots
            if (rows := _of_class(candidates, eligible[slot], rank, taken)).size
        }
        for slot, row in _seat(candidates, options).items():
            chosen[slot] = row
    return chosen


def advertisers_of(candidates: Candidates, rows: Sequence[int | None]) -> frozenset[int]:
    """The advertisers that `rows` of a page show; house lines are nobody's."""
    return frozenset(int(candidates.advertiser[row]) for row in rows if row is not None and not candidates.house[row])


def weighted_order(weights: NDArray[np.float64], uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of `weights` in weighted random order, best first.

    weights: shape (n,), > 0, any scale.  uniforms: shape (n,), in (0, 1); the caller draws them.
    Dropping entries leaves a weighted order of the rest (Efraimidis & Spirakis, IPL 97, 2006).
    """
    return np.argsort(-np.log(uniforms) / weights, kind="stable")


def uniforms_of(seed: int, slot: int, flight: NDArray[np.int64], creative: NDArray[np.int64]) -> NDArray[np.float64]:
    """Independent draws in (0, 1), one per candidate, that depend on nothing but the arguments.

    By ids, not by rows, so that an edit elsewhere in the catalogue does not change a replayed page.
    The finaliser is splitmix64's (Steele, Lea & Flood, OOPSLA 2014); its 53 upper bits make the fraction.
    """
    start = _mixed(np.array([(seed ^ slot * 0xD1B54A32D192ED03) & 0xFFFFFFFFFFFFFFFF], np.uint64))
    name = flight.astype(np.uint64) << np.uint64(32) | creative.astype(np.uint64)
    bits = _mixed(start + (name + np.uint64(1)) * _GOLDEN)
    return ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def shares(candidates: Candidates, rows: Rows) -> NDArray[np.float64]:
    """Each one's part of the draw among `rows`: its flight's weight, split by the weights of its creatives in `rows`.

    So a flight's chance does not grow with the number of its creatives, nor shrink when some of them are capped.
    """
    flight, weights = candidates.flight_row[rows], candidates.creative_weight[rows]
    parts: NDArray[np.float64] = candidates.flight_weight[rows] * weights / np.bincount(flight, weights)[flight]
    return parts


def _of_class(candidates: Candidates, rows: Rows, rank: int, taken: frozenset[int]) -> Rows:
    """Those of one tier and priority whose advertiser does not stand on the page already."""
    rows = rows[candidates.rank[rows] == rank]
    if not taken or not rows.size or candidates.house[rows[0]]:
        return rows
    free: Rows = rows[~np.isin(candidates.advertiser[rows], list(taken))]
    return free


def _shortlist(candidates: Candidates, rows: Rows, seed: int, slot: int, most: int) -> list[int]:
    """`rows`, of which there are some, in drawn order, one per advertiser, at most `most`.

    No more than there are open slots are needed: with as many advertisers to choose from, one is always free.
    """
    uniforms = uniforms_of(seed, slot, candidates.flight[rows], candidates.creative[rows])
    drawn = rows[weighted_order(shares(candidates, rows), uniforms)]
    most = 1 if candidates.house[drawn[0]] else most
    found: dict[int, int] = {}
    for row, advertiser in zip(drawn.tolist(), candidates.advertiser[drawn].tolist(), strict=True):
        found.setdefault(advertiser, row)
        if len(found) == most:
            break
    return list(found.values())


def _seat(candidates: Candidates, options: dict[int, list[int]]) -> dict[int, int]:
    """Slot -> candidate, as many slots as possible, each its own advertiser (house: each its first).

    In page order every slot takes its first free choice; where none is free, earlier slots of this class move over if
    they can (augmenting paths, Kuhn 1955), so that a draw is only overruled where a slot would stay empty.
    """
    holder: dict[int, int] = {}
    seats: dict[int, int] = {}

    def take(slot: int, row: int) -> bool:
        seats[slot] = row
        holder[int(candidates.advertiser[row])] = slot
        return True

    def seat(slot: int, asked: set[int]) -> bool:
        for row in options[slot]:
            if candidates.house[row] or int(candidates.advertiser[row]) not in holder:
                return take(slot, row)
        for row in options[slot]:
            advertiser = int(candidates.advertiser[row])
            if advertiser not in asked:
                asked.add(advertiser)
                if seat(holder[advertiser], asked):
                    return take(slot, row)
        return False

    for slot in options:
        seat(slot, set())
    return seats


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = (bits ^ bits >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ bits >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return bits ^ bits >> np.uint64(31)
