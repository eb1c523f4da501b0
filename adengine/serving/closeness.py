"""How near to its reader and how related to its page a flight of a slot is aimed: a factor of its chance. Pure.

Inside a class (tier and priority) a flight aimed at the reader's own town comes before one aimed at his region, that
before one aimed at his country, and that before one aimed anywhere: each step multiplies its weight by the site's
`nearness`. One that asks for related topics counts by how related the page's are. A flight with a score, which its
schedule decides, gets as much more as keeps the same odds beside another of its score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.admission import Admission, Named
from adengine.catalog.nouns import Facts
from adengine.catalog.snapshot import Rows, Snapshot
from adengine.serving.draw import Floats

FlightRows: TypeAlias = NDArray[np.int32]
Factors = Callable[[Rows], Floats]
"""From candidates to what their chances are multiplied by; the same shape."""


class Closeness(NamedTuple):
    """Of all flights of a snapshot; shape (flights,) each."""

    steps: Floats
    """Nearer than anywhere."""
    related: Floats
    """To the page's topics, in (0, 1]."""

    def factor(self, nearness: float) -> Floats:
        found: Floats = np.power(nearness, self.steps) * self.related
        return found


def closeness(snapshot: Snapshot, facts: Facts) -> Closeness | None:
    """None: nobody is aimed any closer than others."""
    asked = [(admission, admission.named(facts)) for _, admission in snapshot.admissions if not admission.idle]
    nearer = [(admission, named) for admission, named in asked if named.nearness]
    related = [(admission, named) for admission, named in asked if named.relatedness]
    if not nearer and not any(grade < 1 for _, named in related for grade in named.relatedness):
        return None
    found = Closeness(np.zeros(len(snapshot.flights)), np.ones(len(snapshot.flights)))
    for admission, named in nearer:
        _take_most(found.steps, _graded(admission, named, named.nearness))
    for admission, named in related:
        own = np.zeros(len(snapshot.flights))
        _take_most(own, _graded(admission, named, named.relatedness))
        found.related[own > 0] *= own[own > 0]
    return found


def _graded(admission: Admission, named: Named, grades: Iterable[float]) -> Iterable[tuple[FlightRows, float]]:
    """(the flights that include a value, its grade)."""
    for value, grade in zip(named.values, grades, strict=True):
        rows = admission.include.get(value)
        if rows is not None:
            yield rows, grade


def _take_most(into: Floats, graded: Iterable[tuple[FlightRows, float]]) -> None:
    for rows, grade in graded:
        into[rows] = np.maximum(into[rows], grade)
