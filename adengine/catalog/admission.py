"""Which flights one targeting dimension admits, for a request's values: compiled once, asked with numpy.

Pure. Each row of `catalog.dimensions` becomes one `Admission` over all flights of a snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.dimensions import Dimension
from adengine.catalog.nouns import Among, Facts

Postings = Mapping[str, NDArray[np.int32]]
"""Value -> the flights (rows) that name it."""
Grade = Callable[[Facts, str], float]
KNOWN_MAX = 4096
"""Requests of one dimension that are remembered."""
FEW = 8
"""So many postings are set one by one; 3 000 take 8 ms so, and 1 ms put together, which copies them."""


class Named(NamedTuple):
    """What a request is in one dimension, as far as any flight cares."""

    values: tuple[str, ...]
    nearness: tuple[float, ...]
    relatedness: tuple[float, ...]
    """As the row has them, of each value; empty where the row has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    parts: NDArray[np.int16]
    """Of how many parts a flight wants a value: 0, it admits any; more than 1 only where the row parts its values."""
    include: Postings
    exclude: Postings
    values: Callable[[Facts], tuple[str, ...]]
    """What a request is here, in the spelling of the postings."""
    part_of: Callable[[str], str] | None
    alike: Callable[[Facts], Hashable] | None
    """As in the row: tells a request whose `named` values are known already."""
    nearness: Grade | None = None
    relatedness: Grade | None = None
    """As in the row."""
    _known: dict[Hashable, Named] = field(default_factory=dict, repr=False, compare=False)

    @property
    def idle(self) -> bool:
        """Whether no flight says anything here: then all are admitted, and `values` need not be asked."""
        return not self.include and not self.exclude

    def named(self, facts: Facts) -> Named:
        """Of a request's values those that any flight names: few, and they alone decide who is admitted."""
        if self.alike is None:
            return self._named(facts)
        alike = self.alike(facts)
        found = self._known.get(alike)
        if found is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            found = self._known[alike] = self._named(facts)
        return found

    def _named(self, facts: Facts) -> Named:
        values = tuple([value for value in self.values(facts) if value in self.include or value in self.exclude])
        return Named(values, *(_graded(grade, facts, values) for grade in (self.nearness, self.relatedness)))

    def admits(self, values: Iterable[str]) -> NDArray[np.bool_]:
        """Flights that include one of `values` in every part that they name, and exclude none; a fresh array."""
        admitted = self._included(values) if self.part_of is None else self._included_by_parts(values, self.part_of)
        for value in values if self.exclude else ():
            rows = self.exclude.get(value)
            if rows is not None:
                admitted[rows] = False
        return admitted

    def _included(self, values: Iterable[str]) -> NDArray[np.bool_]:
        admitted: NDArray[np.bool_] = self.parts == 0
        postings = [rows for rows in map(self.include.get, values) if rows is not None]
        for rows in postings if len(postings) <= FEW else [np.concatenate(postings)]:
            admitted[rows] = True
        return admitted

    def _included_by_parts(self, values: Iterable[str], part_of: Callable[[str], str]) -> NDArray[np.bool_]:
        met: dict[str, list[NDArray[np.int32]]] = defaultdict(list)
        for value in values:
            rows = self.include.get(value)
            if rows is not None:
                met[part_of(value)].append(rows)
        missing = self.parts.copy()
        for postings in met.values():
            rows = np.concatenate(postings)
            # Two values of one part may name the same flight: read and assigned by index it still counts once.
            missing[rows] = missing[rows] - 1
        admitted: NDArray[np.bool_] = missing == 0
        return admitted


def _graded(grade: Grade | None, facts: Facts, values: Iterable[str]) -> tuple[float, ...]:
    return tuple([grade(facts, value) for value in values]) if grade is not None else ()


def admission(row: Dimension, wanted: Sequence[Among]) -> Admission:
    """wanted: what each flight, in row order, says about this dimension."""
    include, exclude = (_postings(getattr(among, side) for among in wanted) for side in ("include", "exclude"))
    part_of = row.part_of
    values = row.values if row.holding is None else row.holding(tuple({**include, **exclude}))
    return Admission(
        parts=np.array([_parts(among.include, part_of) for among in wanted], np.int16),
        include=include,
        exclude=exclude,
        values=values,
        part_of=part_of,
        alike=row.alike,
        nearness=row.nearness,
        relatedness=row.relatedness,
    )


def _parts(values: Sequence[str], part_of: Callable[[str], str] | None) -> int:
    return len(set(map(part_of, values))) if part_of is not None else min(len(values), 1)


def _postings(named: Iterable[Sequence[str]]) -> Postings:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, values in enumerate(named):
        for value in values:
            rows[value].append(row)
    return {value: np.array(found, np.int32) for value, found in rows.items()}
