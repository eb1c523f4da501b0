"""Who stands in which slot of a page: all slots of a request at once.

What may stand where has been settled before (`serving.eligibility`, caps); what is settled here:

1. classes are lexicographic (tiers, and inside a tier goals, then priorities: `catalog.columns.rank_of`): each fills as
   many slots as it can, whatever the classes below lose by it; of as many, the ones of higher position weight, then the
   earlier ones;
2. inside a class a flight is drawn by weight or score (`serving.draw`); where several draws clash, the page counts on
   which all of them together are worth the most;
3. who excludes whom is told by `serving.rivals`, house lines excepted;
4. a flight that wants the whole page stands in every slot if that is worth more than the best page without it.

Nearly always the best of each slot are strangers to each other; then they are the page. Else `serving.optimiser`
chooses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from adengine.catalog.exclusive import BY_DEFAULT
from adengine.catalog.snapshot import Candidates, Rows
from adengine.serving.closeness import Factors
from adengine.serving.draw import Floats
from adengine.serving.lots import Choice
from adengine.serving.optimiser import Option, solve, total
from adengine.serving.owners import best_by_owners
from adengine.serving.rivals import Key, Rivals
from adengine.serving.slates import Slate, drawn_by_all
from adengine.serving.worths import Scale, scale_of

LOOKED_MAX = 200
"""Candidates of a slot that are looked at for its shortlist, if more of them would do."""
Chosen: TypeAlias = list[int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One page that is to be decided, and what has been settled of it."""

    candidates: Candidates
    rivals: Rivals
    slates: Mapping[int, Slate]
    """Of the open slots, by their number on the page."""
    kept: Chosen
    weights: Sequence[float]
    whole: Sequence[int] = ()
    """Flights (rows) that want all of this page, and may have it; they stand in no mixed page."""

    def ranked(self, slot: int) -> Iterator[Choice]:
        """All that may stand in `slot` of a mixed page, best first."""
        choices = iter(self.slates[slot])
        if not self.whole:
            return choices
        return (choice for choice in choices if not self.candidates.whole_page[choice.row])

    def ranked_whole(self, slot: int) -> Iterator[Choice]:
        """Those of `whole` in `slot`, best first."""
        return (choice for choice in self.slates[slot] if self.candidates.whole_page[choice.row])


def seat(
    candidates: Candidates,
    rivals: Rivals,
    slates: Mapping[int, Slate],
    kept: Sequence[int | None],
    weights: Sequence[float],
) -> Chosen:
    """The candidate of each slot of a page on which nobody wants all slots.  slates: of the slots that are open."""
    chosen = (
        _best_by_owners(rivals, slates, kept, weights) if rivals.only_owners else _best_of_each(rivals, slates, kept)
    )
    if chosen is not None:
        return chosen
    return _optimised(_Question(candidates=candidates, rivals=rivals, slates=slates, kept=list(kept), weights=weights))


def allocate(
    candidates: Candidates,
    eligible: Sequence[Rows | None],
    seed: int,
    kept: Sequence[int | None] | None = None,
    *,
    exclusive: Collection[str] = BY_DEFAULT,
    weights: Sequence[float] | None = None,
    scores: Floats | None = None,
    factors: Sequence[Factors | None] | None = None,
) -> Chosen:
    """The candidate of each slot, or None where the slot stays open; all candidates are looked at.

    eligible: what may stand in each slot, ascending; None where there is no such slot.  seed: 64 bits; the same one
    gives the same page.  kept: who already stands there and stays, slot by slot.  exclusive: the site's.
    weights: of the slots' positions, 1 by default.  scores: as `draw.drawn` takes them.  factors: the same, by slot.
    """
    stands: Chosen = list(kept) if kept is not None else [None] * len(eligible)
    whole = _whole_pages(candidates, eligible, stands)
    slates = {
        slot: drawn_by_all(candidates, left, seed, slot, scores, factors[slot] if factors is not None else None)
        for slot, rows in enumerate(eligible)
        if rows is not None and stands[slot] is None and (left := _without_incomplete(candidates, rows, whole)).size
    }
    question = _Question(
        candidates=candidates,
        rivals=Rivals(candidates, exclusive),
        slates=slates,
        kept=stands,
        weights=weights or [1.0] * len(eligible),
        whole=whole or (),
    )
    chosen = None if whole else _best_of_each(question.rivals, slates, stands)
    return chosen if chosen is not None else _optimised(question)


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


def _best_of_each(rivals: Rivals, slates: Mapping[int, Slate], kept: Sequence[int | None]) -> Chosen | None:
    """The first choice of every slot, if they may stand together."""
    chosen = list(kept)
    for slot, slate in slates.items():
        first = slate.at(0)
        chosen[slot] = first.row if first is not None else None
    return chosen if rivals.are_strangers([row for row in chosen if row is not None]) else None


def _best_by_owners(
    rivals: Rivals, slates: Mapping[int, Slate], kept: Sequence[int | None], weights: Sequence[float]
) -> Chosen | None:
    """The best page, unless that takes too long to find."""
    found = best_by_owners(slates, weights, rivals, [row for row in kept if row is not None])
    if found is None:
        return None
    chosen = list(kept)
    for slot, row in zip(slates, found, strict=True):
        chosen[slot] = row
    return chosen


def _optimised(question: _Question) -> Chosen:
    """The best mixed page, or that of a flight that is worth more on all of it."""
    slots = list(question.slates)
    lists = [_shortlist(question, slot) for slot in slots]
    whole = [list(question.ranked_whole(slot)) for slot in slots] if question.whole else []
    ranks = frozenset(choice.rank for listed in (*lists, *whole) for choice in listed)
    scale = scale_of(tuple(question.weights), ranks)
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
    return _whole_page(question, scale, whole, total(picks)) or chosen


def _shortlist(question: _Question, slot: int) -> list[Choice]:
    """The best 3K + 6 for a slot of K, without those who could never be needed.

    Nobody is behind one with the same keys, nor behind K who differ from him in nothing but advertiser or flight: the
    other slots cannot exclude all K without excluding him. Those who may repeat are exempt, as they do not exclude
    themselves.
    """
    slots = len(question.slates)
    standing = [row for row in question.kept if row is not None]
    rest_of: Counter[tuple[Key, ...]] = Counter()
    seen: set[tuple[Key, ...]] = set()
    found: list[Choice] = []
    for looked, choice in enumerate(question.ranked(slot)):
        if looked >= LOOKED_MAX and len(found) > slots:
            break
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
        if not keys or len(found) >= (slots if question.rivals.only_owners else 3 * slots + 6):
            break
    return found


def _complete(question: _Question, chosen: Chosen) -> None:
    """Slots that stayed open because all of their shortlist is excluded take the first behind it that is not."""
    for slot in question.slates:
        if chosen[slot] is None:
            beside = [row for row in chosen if row is not None]
            rows = (choice.row for choice in question.ranked(slot))
            chosen[slot] = next((row for row in rows if question.rivals.conflict(row, beside) is None), None)


def _whole_page(question: _Question, scale: Scale, ranked: Sequence[Sequence[Choice]], worth: int) -> Chosen | None:
    """The page of the flight that is worth the most on all of it, if that is more than `worth`.

    ranked: of each open slot, who wants the whole page, best first.
    """
    found: Chosen | None = None
    for flight in question.whole:
        lists = [[choice for choice in all_ if question.candidates.flight_row[choice.row] == flight] for all_ in ranked]
        value = sum(scale.values(listed[:1], slot)[0] for slot, listed in zip(question.slates, lists, strict=True))
        if value > worth:
            worth = value
            found = list(question.kept)
            for slot, row in zip(question.slates, _distinct(lists), strict=True):
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
