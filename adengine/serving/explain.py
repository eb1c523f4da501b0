"""The explanation of a page: every candidate of every slot with its one reason, or its chance in the draw. Pure.

The same hurdles that decided the page are printed, so an explanation cannot tell another story; it reconciles:
candidates = Σ refused + the one chosen (if any).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from adengine.catalog import ids
from adengine.catalog.snapshot import Candidates, Rows, Snapshot
from adengine.places import Place
from adengine.serving.closeness import Closeness, closeness
from adengine.serving.decision import Decision
from adengine.serving.draw import Floats, shares
from adengine.serving.hurdles import refusals
from adengine.serving.scene import Scene
from adengine.serving.telling import hurdles_of, page_reason


def slot_explanation(decision: Decision, slot: int) -> dict[str, Any] | None:
    """The candidates of a slot of the request, best first; None if the site has no such slot."""
    place, snapshot = decision.places[slot], decision.snapshot
    if place is None:
        return None
    hurdles = hurdles_of(decision, place)
    first = refusals(hurdles, np.arange(len(snapshot.candidates)))
    eligible = np.flatnonzero(first == len(hurdles))
    close = closeness(snapshot, decision.facts(place.slot))
    factors = close.factor(decision.site.nearness) if close is not None else np.ones(len(snapshot.flights))
    chances = _chances(decision.rotation.applied([eligible]), eligible, factors)
    listed = []
    for row in range(len(snapshot.candidates)):
        hurdle = hurdles[first[row]] if first[row] < len(hurdles) else None
        if row == decision.rows[slot]:
            reason, detail = None, None
        elif hurdle is not None:
            reason, detail = hurdle.reason, hurdle.detail
        else:
            reason, detail = page_reason(decision, slot, row), None
        score = chances.get(row)
        flight = int(snapshot.candidates.flight_row[row])
        if score is not None and (asked_with := decision.score(row)) is not None:
            score = round(asked_with, 6)
        listed.append(_candidate(snapshot, row, score, reason, detail) | _closeness(close, flight, factors))
    return {
        "topics": [topic.id for topic in decision.scene.topics_in(place.slot, decision.taxonomy)],
        "candidates": len(listed),
        "refused": dict(Counter(entry["reason"] for entry in listed if entry["reason"] is not None)),
        "list": listed,
    }


def scene_explanation(scene: Scene) -> dict[str, Any]:
    """What the page's words were taken to mean."""
    return {
        "site": ids.public("site", scene.site.id) if scene.site is not None else None,
        "place": _place(scene.place),
        "place_status": scene.place_status,
        "topics": [topic.id for topic in scene.topics],
        "unknown_topics": list(scene.strange_topics),
    }


def _candidate(
    snapshot: Snapshot, row: int, chance: float | None, reason: str | None, detail: str | None
) -> dict[str, Any]:
    flight = snapshot.flights[snapshot.candidates.flight_row[row]]
    creative = snapshot.creatives[snapshot.candidates.creative_row[row]]
    return {
        "creative": ids.public("creative", creative.id),
        "version": creative.version,
        "flight": ids.public("flight", flight.id),
        "advertiser": snapshot.advertisers[flight.advertiser],
        "tier": flight.tier.name.lower(),
        "priority": flight.priority,
        "score": chance,
        "reason": reason,
        "detail": detail,
    }


def _closeness(close: Closeness | None, flight: int, factors: Floats) -> dict[str, Any]:
    """How near and how related its flight is aimed, and by what that multiplies its chance."""
    told = {"steps": 0, "related": 1.0, "factor": 1.0}
    if close is not None:
        told = {"steps": int(close.steps[flight]), "related": round(float(close.related[flight]), 6)}
        told["factor"] = round(float(factors[flight]), 6)
    return {"closeness": told}


def _chances(candidates: Candidates, rows: Rows, factors: Floats) -> dict[int, float]:
    """The chance of each eligible candidate to be drawn first in its class of tier and priority.

    factors: by flight (row).
    """
    chances: dict[int, float] = {}
    for rank in np.unique(candidates.rank[rows]):
        of_class = rows[candidates.rank[rows] == rank]
        parts = shares(candidates, of_class) * factors[candidates.flight_row[of_class]]
        chances |= dict(zip(of_class.tolist(), np.round(parts / parts.sum(), 6).tolist(), strict=True))
    return chances


def _place(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"id": place.spelling, "name": place.name, "kind": place.kind.value, "path": list(place.path)}
