"""The place that an advertiser names, exact or refused with the candidates. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adengine.catalog.known import Known
from adengine.catalog.nouns import Facts
from adengine.catalog.targets.refused import Refused, quoted
from adengine.places import Place, query

CANDIDATES_NAMED = 5
STEPS = 4
"""From anywhere to the reader's own town: a country, a region, a county, a town."""


def steps_nearer(facts: Facts, stored: str) -> float:
    """Of one of the reader's places: his own is all `STEPS` nearer than anywhere, whatever holds it one less each."""
    return float(max(STEPS - facts.places.index(int(stored)), 1))


def resolved(value: Any, known: Known) -> Place:
    """Raises `Refused`."""
    strange = sorted(map(str, set(value) - {*query.NAMES, *query.POINT})) if isinstance(value, Mapping) else []
    said = [f"nothing of a place is called {name[:40]!r}" for name in strange]
    said += [f"{mistake.pointer} {mistake.detail}".strip() for mistake in query.mistakes(value, "")]
    if said:
        raise Refused("; ".join(said))
    found = known.gazetteer.resolve(value)
    if found.place is not None:
        return found.place
    if not found.candidates:
        raise Refused(f"no place is called {quoted(value)}")
    named = "; ".join(f"{', '.join(reversed(p.path))} ({p.spelling})" for p in found.candidates[:CANDIDATES_NAMED])
    raise Refused(f"{quoted(value)} may be several places: {named}")
