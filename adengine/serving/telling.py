"""Why a slot of a decided page is as it is: for answers, for counts and for explanations. Pure.

Nothing here changes a decision. Where a sponsor stands there is nothing to tell, and nothing is looked at.
"""

from __future__ import annotations

import numpy as np

from adengine.catalog.snapshot import Rows
from adengine.serving.answer import Lines, Outcome
from adengine.serving.decision import Decision
from adengine.serving.eligibility import targeting
from adengine.serving.eligible import Place
from adengine.serving.hurdles import Hurdle, furthest_reason, survivors
from adengine.serving.reasons import NAMES


def outcomes_of(decision: Decision, lines: Lines) -> list[Outcome]:
    """What each slot of the page got."""
    return [_outcome(decision, index, lines) for index in range(len(decision.rows))]


def _outcome(decision: Decision, index: int, lines: Lines) -> Outcome:
    asked, place, row = decision.asked.slots[index], decision.places[index], decision.rows[index]
    if place is None or row is None:
        return Outcome(asked, place.slot if place is not None else None, reason=_reason(decision, index))
    return Outcome(asked, place.slot, row, lines.shown(asked, place.slot, row), _reason(decision, index))


def _reason(decision: Decision, index: int) -> str | None:
    """Why a slot is empty or holds a house line: the reason of those who got furthest; None beside a sponsor."""
    row, place = decision.rows[index], decision.places[index]
    if place is None:
        return "unknown_slot"
    if row is not None and not decision.cards.of(row).house:
        return None
    house = decision.snapshot.candidates.house
    told = place.eligible.reason if row is None else place.eligible.reason_of_sponsors
    if told is not None and not decision.excluded:
        return told
    if decision.excluded:
        rows, hurdles = np.arange(len(house)), hurdles_of(decision, place)
    else:
        rows, hurdles = place.eligible.rows(), [*place.room.hurdles(decision.snapshot), *decision.faced()]
    if row is not None:
        rows = rows[~house[rows]]
    return furthest_reason(hurdles, rows) or _furthest_on_page(decision, index, survivors(hurdles, rows))


def page_reason(decision: Decision, index: int, row: int) -> str:
    """Why a candidate that passed every hurdle does not stand in a slot: who else stands on the page."""
    if decision.cards.of(row).whole_page and not decision.is_whole_page:
        return "roadblock_incomplete"
    others = [other for slot, other in enumerate(decision.rows) if slot != index and other is not None]
    return decision.rivals.conflict(row, others) or "outranked"


def hurdles_of(decision: Decision, place: Place) -> list[Hurdle]:
    """All that the candidates of a slot faced, in the order of `REASONS`."""
    return [
        *targeting(decision.snapshot, decision.facts(place.slot)),
        *decision.excluded,
        *place.room.hurdles(decision.snapshot),
        *decision.faced()[len(decision.excluded) :],
    ]


def _furthest_on_page(decision: Decision, index: int, rows: Rows) -> str:
    """The same for those whom only the page refused; candidates of one flight and categories fare alike."""
    flights = decision.snapshot.candidates.flight
    kinds = {(int(flights[row]), decision.rivals.keys(row)): row for row in rows.tolist()}
    return max((page_reason(decision, index, row) for row in kinds.values()), key=NAMES.index)
