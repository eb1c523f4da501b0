"""Who stands in which slot of a page: all slots of a request at once.

What may stand where has been settled before (`serving.eligibility`, caps); what is settled here:

1. tiers are lexicographic, and so are priorities inside a tier: each such class fills as many slots as it can, whatever
   the classes below lose by it; of as many, the ones of higher position weight, then the earlier ones;
2. inside a class a flight is drawn by weight or score (`serving.draw`); where several draws clash, the page counts on
   which all of them together are worth the most;
3. who excludes whom is told by `serving.rivals`, house lines excepted;
4. a flight that wants the whole page stands in every slot if that is worth more than the best page without it.

Nearly always the best of each slot are strangers to each other; then they are the page. Else `serving.optimiser`
chooses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from adengine.catalog.exclusive import BY_DEFAULT
from adengine.catalog.snapshot import Candidates, Rows
from adengine.serving.draw import Floats, drawn, first
from adengine.serving.optimiser import Option, solve, total
from adengine.serving.rivals import Key, Rivals

SCALE = 2**24
"""Steps between worth nothing and worth all."""
WEIGHT_STEPS = 1000
"""Position weights count to the third decimal."""
POSITION_WEIGHT_MAX = 10
LISTED_MAX = 1000
"""More candidates than any slot's shortlist holds."""
Chosen: TypeAlias = list[int | None]


class Choice(NamedTuple):
    """A candidate for a slot."""

    rank: int
    worth: float
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One page that is to be decided, and what has been settled of it."""

    candidates: Candidates
    rivals: Rivals
    seed: int
    scores: Floats | None
    rows: dict[int, Rows]
    """Of the open slots, by their number on the page."""
    kept: Chosen
    whole: Sequence[int]
    """Flights (rows) that want all of this page, and may have it; they stand in no mixed page."""
    weights: Sequence[float]

    def ranked(self, slot: int) -> Iterator[Choice]:
        """All that may stand in `slot` of a mixed page, best first."""
        return self._ranked(slot, wanted=False)

    def ranked_whole(self, slot: int) -> Iterator[Choice]:
        """Those of `whole` in `slot`, best first."""
        return self._ranked(slot, wanted=True)

    def _ranked(self, slot: int, wanted: bool) -> Iterator[Choice]:
        for rows in _classes(self.candidates, self.rows[slot]):
            rank = int(self.candidates.rank[rows[0]])
            order, worths = drawn(self.candidates, rows, self.seed, slot, self.scores)
            if self.whole:
                asked = self.candidates.whole_page[order] == wanted
                order, worths = order[asked], worths[asked]
            for row, worth in zip(order.tolist(), worths.tolist(), strict=True):
                yield Choice(rank, worth, row)


def allocate(
    candidates: Candidates,
    eligible: Sequence[Rows | None],
    seed: int,
    kept: Sequence[int | None] | None = None,
    *,
    exclusive: Collection[str] = BY_DEFAULT,
    weights: Sequence[float] | None = None,
    scores: Floats | None = None,
) -> Chosen:
    """The candidate of each slot, or None where the slot stays open.

    eligible: what may stand in each slot, ascending; None where there is no such slot.  seed: 64 bits; the same one
    gives the same page.  kept: who already stands there and stays, slot by slot.  exclusive: the site's.
    weights: of the slots' positions, 1 by default.  scores: as `draw.drawn` takes them.
    """
    stands: Chosen = list(kept) if kept is not None else [None] * len(eligible)
    whole = _whole_pages(candidates, eligible, stands)
    question = _Question(
        candidates=candidates,
        rivals=Rivals(candidates, exclusive),
        seed=seed,
        scores=scores,
        rows={
            slot: left
            for slot, rows in enumerate(eligible)
            if rows is not None and stands[slot] is None and (left := _without_incomplete(candidates, rows, whole)).size
        },
        kept=stands,
        whole=whole or (),
        weights=weights or [1.0] * len(eligible),
    )
    if not question.rows:
        return stands
    return (None if whole else _best_of_each(question)) or _optimised(question)


def is_whole_page(candidates: Candidates, rows: Sequence[int | None]) -> bool:
    """Whether the page is one flight's, who wanted all of it."""
    return any(row is not None and bool(candidates.whole_page[row]) for row in rows)


def _whole_pages(candidates: Candidates, eligible: Sequence[Rows | None], kept: Chosen) -> list[int] | None:
    """The flights (rows) that want the whole page and may stand in each of its slots; None if it is a single slot."""
    slots = [rows for rows in eligible if rows is not None]
    if len(slots) <= 1:
        return None
    if any(row is not None for row in kept):
        return []
    flights: set[int] | None = None
    for rows in slots:
        here = set(candidates.flight_row[rows[candidates.whole_page[rows]]].tolist())
        flights = here if flights is None else flights & here
        if not flights:
            return []
    return sorted(flights or ())


def _without_incomplete(candidates: Candidates, rows: Rows, whole: list[int] | None) -> Rows:
    """`rows` without those that want the whole page and cannot have it.  whole: who can; None: all."""
    if whole is None:
        return rows
    wanting = candidates.whole_page[rows]
    if not wanting.any():
        return rows
    left: Rows = rows[~wanting | np.isin(candidates.flight_row[rows], whole)]
    return left


def _best_of_each(question: _Question) -> Chosen | None:
    """The first choice of every slot, if they may stand together."""
    chosen = list(question.kept)
    for slot, rows in question.rows.items():
        best = rows[: _class_size(question.candidates, rows)]
        chosen[slot] = first(question.candidates, best, question.seed, slot, question.scores)
    return chosen if question.rivals.are_strangers(row for row in chosen if row is not None) else None


def _optimised(question: _Question) -> Chosen:
    """The best mixed page, or that of a flight that is worth more on all of it."""
    scale = _Scale(question)
    slots = list(question.rows)
    lists = [_shortlist(question, slot) for slot in slots]
    standing = [row for row in question.kept if row is not None]
    bits = question.rivals.bits([*(choice.row for listed in lists for choice in listed), *standing])
    taken = 0
    for row in standing:
        taken |= bits[row][1]
    options = [
        [Option(value, choice.row, *bits[choice.row]) for value, choice in zip(values, listed, strict=True)]
        for slot, listed in zip(slots, lists, strict=True)
        for values in [scale.values(listed, slot)]
    ]
    picks = solve(options, taken).picks
    chosen = list(question.kept)
    for slot, pick in zip(slots, picks, strict=True):
        chosen[slot] = pick.thing if pick is not None else None
    _complete(question, chosen)
    return _whole_page(question, scale, total(picks)) or chosen


class _Scale:
    """Worths as whole numbers that add up. The first of these that differs decides between two pages:

    class by class, best first: how many slots it fills; their position weights; how early they stand; what fills them.
    """

    def __init__(self, question: _Question) -> None:
        slots = len(question.kept)
        self._weights = question.weights
        self._places = [
            int(weight * WEIGHT_STEPS) * (slots * slots + 1) + slots - slot for slot, weight in enumerate(self._weights)
        ]
        self._worths = slots * (POSITION_WEIGHT_MAX * SCALE + LISTED_MAX) + 1
        self._filled = slots * max(self._places) + 1
        base = slots * (self._filled + max(self._places) + 1) * self._worths
        classes = {rank for rows in question.rows.values() for rank in _ranks(question.candidates, rows)}
        self._class = {rank: base**place for place, rank in enumerate(sorted(classes, reverse=True))}

    def values(self, listed: Sequence[Choice], slot: int) -> list[int]:
        """What each of a slot's is worth there, best first; strictly falling inside a class, so that rounding never
        overrules the draw."""
        found: list[int] = []
        rank, fine = -1, 0
        seat = (self._filled + self._places[slot]) * self._worths
        for choice in reversed(listed):
            fine = max(int(choice.worth * self._weights[slot] * SCALE), fine + 1 if choice.rank == rank else 1)
            rank = choice.rank
            found.append(self._class[rank] * (seat + fine))
        return found[::-1]


def _shortlist(question: _Question, slot: int) -> list[Choice]:
    """The best 3K + 6 for a slot of K, without those who could never be needed.

    Nobody is behind one with the same keys, nor behind K who differ from him in nothing but advertiser or flight: the
    other slots cannot exclude all K without excluding him. Those who may repeat are exempt, as they do not exclude
    themselves.
    """
    slots = len(question.rows)
    standing = [row for row in question.kept if row is not None]
    rest_of: Counter[tuple[Key, ...]] = Counter()
    seen: set[tuple[Key, ...]] = set()
    found: list[Choice] = []
    for choice in question.ranked(slot):
        row = choice.row
        keys = question.rivals.keys(row)
        if question.rivals.repeats(row):
            keys = (*keys, ("repeats", int(question.candidates.flight_row[row])))
        elif rest_of[keys[1:]] >= slots and keys:
            continue
        if keys in seen or (standing and question.rivals.conflict(row, standing)):
            continue
        seen.add(keys)
        rest_of[keys[1:]] += 1
        found.append(choice)
        if not keys or len(found) >= 3 * slots + 6:
            break
    return found


def _complete(question: _Question, chosen: Chosen) -> None:
    """Slots that stayed open because all of their shortlist is excluded take the first behind it that is not."""
    for slot in question.rows:
        if chosen[slot] is None:
            beside = [row for row in chosen if row is not None]
            rows = (choice.row for choice in question.ranked(slot))
            chosen[slot] = next((row for row in rows if question.rivals.conflict(row, beside) is None), None)


def _whole_page(question: _Question, scale: _Scale, worth: int) -> Chosen | None:
    """The page of the flight that is worth the most on all of it, if that is more than `worth`."""
    found: Chosen | None = None
    ranked = [list(question.ranked_whole(slot)) for slot in question.rows] if question.whole else []
    for flight in question.whole:
        lists = [[choice for choice in all_ if question.candidates.flight_row[choice.row] == flight] for all_ in ranked]
        value = sum(scale.values(listed[:1], slot)[0] for slot, listed in zip(question.rows, lists, strict=True))
        if value > worth:
            worth = value
            found = list(question.kept)
            for slot, row in zip(question.rows, _distinct(lists), strict=True):
                found[slot] = row
    return found


def _distinct(lists: Sequence[Sequence[Choice]]) -> list[int]:
    """One row of each list: as many different ones as possible, then the earlier."""
    bit = {row: 1 << place for place, row in enumerate(sorted({choice.row for listed in lists for choice in listed}))}
    most = len(bit) * len(lists) + 1
    options = [
        [Option(most + len(listed) - place, row, bit[row], bit[row]) for place, (_, _, row) in enumerate(listed)]
        for listed in lists
    ]
    picks = solve(options).picks
    return [pick.thing if pick is not None else listed[0].row for pick, listed in zip(picks, lists, strict=True)]


def _ranks(candidates: Candidates, rows: Rows) -> list[int]:
    return [int(candidates.rank[of_class[0]]) for of_class in _classes(candidates, rows)]


def _classes(candidates: Candidates, rows: Rows) -> Iterator[Rows]:
    """`rows`, ascending, parted by tier and priority, best first."""
    while rows.size:
        size = _class_size(candidates, rows)
        yield rows[:size]
        rows = rows[size:]


def _class_size(candidates: Candidates, rows: Rows) -> int:
    """How many of `rows`, of which there are some, are of the tier and priority of the first."""
    ranks = candidates.rank[rows]
    return int(np.searchsorted(ranks, ranks[0], side="right"))
