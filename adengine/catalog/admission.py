"""Which flights one targeting dimension admits, for a request's values: compiled once, asked with numpy.

Pure. Each row of `catalog.dimensions` becomes one `Admission` over all flights of a snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.nouns import Among

Postings = Mapping[str, NDArray[np.int32]]
"""Value -> the flights (rows) that name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    open: NDArray[np.bool_]
    """Flights that include no value by name and so admit any; shape (flights,)."""
    include: Postings
    exclude: Postings

    def admits(self, values: Iterable[str]) -> NDArray[np.bool_]:
        """Flights that include one of `values` (or nothing by name) and exclude none of them; a fresh array."""
        admitted = self.open.copy()
        for value in values:
            rows = self.include.get(value)
            if rows is not None:
                admitted[rows] = True
        for value in values if self.exclude else ():
            rows = self.exclude.get(value)
            if rows is not None:
                admitted[rows] = False
        return admitted


def admission(wanted: Sequence[Among]) -> Admission:
    """wanted: what each flight, in row order, says about this dimension."""
    return Admission(
        open=np.array([not among.include for among in wanted], bool),
        include=_postings(among.include for among in wanted),
        exclude=_postings(among.exclude for among in wanted),
    )


def _postings(named: Iterable[Sequence[str]]) -> Postings:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, values in enumerate(named):
        for value in values:
            rows[value].append(row)
    return {value: np.array(found, np.int32) for value, found in rows.items()}
