"""One page view on its way through the line, and what it adds to the counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

from adengine.counting.events import Fill, SlotOutcome
from adengine.serving.answer import Outcome
from adengine.serving.budget import Budget
from adengine.serving.capping import Clockface
from adengine.serving.decision import Decision
from adengine.serving.leasing import Leasing
from adengine.serving.outside import Moment
from adengine.serving.telling import outcomes_of

VIEW_BITS = 0x7FFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One page view on its way through the line."""

    decision: Decision
    leasing: Leasing
    moment: Moment
    rid: bytes | None
    """The reader, 8 bytes; None without a reader key or consent."""
    view: int
    """The page view, 31 bits."""
    clockface: Clockface
    budget: Budget

    _told: list[tuple[list[int | None], list[Outcome]]] = field(default_factory=list)

    @property
    def may_wager(self) -> bool:
        """Whether the page could be seated without a look at the reader, because most often nothing refuses it."""
        plan, asked = self.decision.plan, self.decision.asked
        return plan.is_logged and not (self.rid is None or plan.needs_reader or asked.explain or asked.rehearsal)

    def outcomes(self) -> list[Outcome]:
        """Worked out once for each seating."""
        rows = self.decision.rows
        if not self._told or self._told[-1][0] is not rows:
            self._told.append((rows, outcomes_of(self.decision)))
        return self._told[-1][1]


def event_of(visit: Visit) -> Fill:
    """What the fill adds to the counts."""
    decision = visit.decision
    return Fill(
        request=visit.moment.request,
        at_s=visit.moment.now_s,
        site=decision.site.id,
        slots=tuple([_slot_outcome(outcome) for outcome in visit.outcomes()]),
        place=decision.place_number,
        topic=decision.topic_number,
        capped=tuple(decision.capped),
    )


def _slot_outcome(outcome: Outcome) -> SlotOutcome:
    shown = outcome.shown
    slot = outcome.slot.id if outcome.slot is not None else 0
    if shown is None:
        return SlotOutcome(slot=slot, reason=outcome.reason or "")
    return SlotOutcome(
        slot=slot,
        reason=outcome.reason or "",
        flight=shown.flight.id,
        creative=shown.creative.id,
        version=shown.creative.version,
        tier=shown.flight.tier,
        variant=shown.variant,
    )


def view_of(name: str) -> int:
    """The 31-bit number of a page view, from the request id of its first fill."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big") & VIEW_BITS


def seed_of(name: bytes) -> int:
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big")
