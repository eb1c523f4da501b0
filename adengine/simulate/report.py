"""What a simulation found, as a document. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adengine.catalog.nouns import Flight
from adengine.pacing.load import Total
from adengine.pacing.progress import Progress
from adengine.simulate.run import EMPTY, SEEN_PART, Tally, day_limits

NEARLY = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One flight at the end."""

    name: str
    flight: Flight
    total: Total
    progress: Progress

    @property
    def goal(self) -> int | None:
        return self.flight.target[1] if self.flight.target is not None else None


def document(
    asked: Mapping[str, Any], tally: Tally, outcomes: Sequence[Outcome], audit: Mapping[str, bool]
) -> dict[str, Any]:
    """asked: what was simulated.  audit: by check, whether every count reconciles."""
    return {
        "asked": dict(asked),
        "pages": tally.pages,
        "slots": tally.slots,
        "filled": dict(tally.filled.most_common()),
        "sponsored": round(1 - (tally.filled["house"] + _empty(tally)) / max(1, tally.slots), 4),
        "reasons": dict(tally.reasons.most_common()),
        "degraded": tally.degraded,
        "hours": [_hour(at_s, tally.hours[at_s]) for at_s in sorted(tally.hours)],
        "sold": round(_promised(outcomes) / max(1.0, SEEN_PART * tally.slots), 4),
        "goals": _goals(outcomes),
        "by_priority": {
            str(priority): _goals([outcome for outcome in outcomes if outcome.flight.priority == priority])
            for priority in sorted({outcome.flight.priority for outcome in outcomes if outcome.goal is not None})
        },
        "caps_broken": tally.caps_broken,
        "counts_agree": {str(outcome.flight.id): outcome.total.impressions for outcome in outcomes}
        == {str(outcome.flight.id): tally.impressions[outcome.flight.id] for outcome in outcomes},
        "audit": dict(audit),
        "flights": [_flight(outcome, tally) for outcome in outcomes],
    }


def _empty(tally: Tally) -> int:
    return tally.slots - sum(tally.filled.values())


def _promised(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.goal for outcome in outcomes if outcome.goal is not None)


def _goals(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Of those with a goal."""
    parts = [(outcome.goal, outcome.progress.delivered) for outcome in outcomes if outcome.goal is not None]
    promised = _promised(outcomes)
    return {
        "flights": len(parts),
        "delivered_99": sum(delivered >= NEARLY * goal for goal, delivered in parts),
        "promised": promised,
        "shortfall": round(sum(max(0, goal - delivered) for goal, delivered in parts) / promised, 5) if promised else 0,
        "over": sum(max(0, delivered - goal) for goal, delivered in parts),
    }


def _hour(at_s: int, slots: Mapping[str, int]) -> dict[str, int]:
    house, empty = slots.get("house", 0), slots.get(EMPTY, 0)
    return {"at_s": at_s, "sponsored": sum(slots.values()) - house - empty, "house": house, "empty": empty}


def _cap(flight: Flight, readers: Mapping[int, int]) -> dict[str, Any] | None:
    """Of one that is capped to so many in a day; readers: by the most they saw of it in any 24 hours."""
    limits = day_limits(flight)
    if not limits:
        return None
    return {"limit": min(limits), "readers": {str(n): number for n, number in sorted(readers.items()) if number > 0}}


def _flight(outcome: Outcome, tally: Tally) -> dict[str, Any]:
    """expected_clicks: what its impressions were worth, without the luck of the draw."""
    flight, total = outcome.flight, outcome.total
    expected_clicks = tally.expected_clicks.get(flight.id, 0.0)
    return {
        "name": outcome.name,
        "flight": f"flt_{flight.id}",
        "tier": flight.tier.name.lower(),
        "priority": flight.priority,
        "goal": outcome.goal,
        "delivered": outcome.progress.delivered,
        "state": outcome.progress.state.value,
        "fills": total.fills,
        "impressions": total.impressions,
        "clicks": total.clicks,
        "expected_clicks": round(expected_clicks, 3),
        "cap": _cap(flight, tally.frequencies.get(flight.id, {})),
        "ctr": round(total.clicks / total.impressions, 5) if total.impressions else None,
        "points": [
            {"at_s": point.at_s, "due": point.due, "low": point.low, "high": point.high, "delivered": point.delivered}
            for point in outcome.progress.points
        ],
    }
