"""One page view on its way through the line, and what it adds to the counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from adengine.counting.events import fill_event
from adengine.serving.answer import Lines, Outcome
from adengine.serving.budget import Budget
from adengine.serving.capping import Clockface
from adengine.serving.decision import Decision
from adengine.serving.leasing import Leasing
from adengine.serving.outside import Moment
from adengine.serving.telling import outcomes_of

VIEW_BITS = 0x7FFFFFFF


@dataclass(slots=True, kw_only=True)
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
    lines: Lines
    device: int
    """As `targets.devices.number_of` tells it."""
    is_told: bool = False
    """Whether the store has refused it before."""

    _told: list[Outcome] | None = None
    _told_of: list[int | None] | None = None

    @property
    def may_wager(self) -> bool:
        """Whether the page could be seated without a look at the reader, because most often nothing refuses it."""
        plan, asked = self.decision.plan, self.decision.asked
        return plan.is_logged and not (
            self.is_told or self.rid is None or plan.needs_reader or asked.explain or asked.rehearsal
        )

    def outcomes(self) -> list[Outcome]:
        """Worked out once for each seating."""
        rows = self.decision.rows
        if self._told is None or self._told_of is not rows:
            self._told, self._told_of = outcomes_of(self.decision, self.lines), rows
        return self._told


def event_of(visit: Visit) -> bytes:
    """What the fill adds to the counts."""
    decision, moment = visit.decision, visit.moment
    slots = [outcome.event for outcome in visit.outcomes()]
    return fill_event(
        moment.request,
        moment.now_s,
        decision.site.id,
        decision.place_number,
        decision.topic_number,
        slots,
        decision.capped,
        visit.device,
        decision.asked.page.refresh,
    )


def view_of(name: str) -> int:
    """The 31-bit number of a page view, from the request id of its first fill."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big") & VIEW_BITS


def seed_of(name: bytes) -> int:
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big")
