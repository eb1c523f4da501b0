"""Hurdles: what may refuse a candidate, under one reason each. Pure.

A hurdle is asked two ways, which must agree: for many candidates at once (`passes`), where all of them are looked at,
and for one (`admits`), where a draw has named it. Most hurdles know flights, so they are as short as the list of those.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.nouns import Level
from adengine.catalog.snapshot import Candidates, Rows

Mask: TypeAlias = NDArray[np.bool_]


class Hurdle(Protocol):
    @property
    def reason(self) -> str:
        """A name of `reasons.REASONS`."""
        ...

    @property
    def detail(self) -> str | None:
        """What explanations add: the dimension, the cap."""
        ...

    @property
    def of_creatives(self) -> bool:
        """Whether candidates of one flight may fare differently."""
        ...

    def passes(self, rows: Rows, /) -> Mask:
        """Which of `rows` (candidates) it lets pass; shape (rows,)."""
        ...

    def admits(self, row: int, /) -> bool:
        """Whether it lets this candidate pass."""
        ...


class ByFlight:
    """Says the same of all candidates of a flight."""

    __slots__ = ("_flight_row", "_flights", "detail", "reason")
    of_creatives = False

    def __init__(self, candidates: Candidates, reason: str, flights: Mask, detail: str | None = None) -> None:
        """flights: those that pass, shape (flights,)."""
        self.reason, self.detail = reason, detail
        self._flight_row = candidates.flight_row
        self._flights = flights

    @property
    def flights(self) -> Mask:
        return self._flights

    def passes(self, rows: Rows) -> Mask:
        return self._flights[self._flight_row[rows]]

    def admits(self, row: int) -> bool:
        return bool(self._flights[self._flight_row[row]])


class ByCreative:
    """Says the same of all candidates of a creative."""

    __slots__ = ("_creative_row", "_creatives", "detail", "reason")
    of_creatives = True

    def __init__(self, candidates: Candidates, reason: str, creatives: Mask) -> None:
        """creatives: those that pass, shape (creatives,)."""
        self.reason, self.detail = reason, None
        self._creative_row = candidates.creative_row
        self._creatives = creatives

    def passes(self, rows: Rows) -> Mask:
        return self._creatives[self._creative_row[rows]]

    def admits(self, row: int) -> bool:
        return bool(self._creatives[self._creative_row[row]])


class ByThing:
    """Refuses whatever shows one of some things: a few creatives, flights, campaigns or advertisers."""

    __slots__ = ("_column", "_ids", "detail", "level", "of_creatives", "reason")

    def __init__(
        self, candidates: Candidates, reason: str, level: Level, ids: Collection[int], detail: str | None = None
    ) -> None:
        self.reason, self.detail = reason, detail
        self.level = level
        self.of_creatives = level is Level.CREATIVE
        self._column = candidates.ids(level)
        self._ids = ids

    @property
    def ids(self) -> Collection[int]:
        return self._ids

    def passes(self, rows: Rows) -> Mask:
        return ~np.isin(self._column[rows], list(self._ids))

    def admits(self, row: int) -> bool:
        return self._column[row] not in self._ids


def survivors(hurdles: Sequence[Hurdle], rows: Rows) -> Rows:
    """Those of `rows` that pass every one of `hurdles`."""
    for hurdle in hurdles:
        rows = rows[hurdle.passes(rows)]
    return rows


def furthest_reason(hurdles: Sequence[Hurdle], rows: Rows) -> str | None:
    """The reason of those of `rows` that got furthest, when none of them is left; None when some are.

    That is the hurdle which refused the last of them; with nobody to begin with, the first: nothing matches.
    """
    for hurdle in hurdles:
        rows = rows[hurdle.passes(rows)]
        if not rows.size:
            return hurdle.reason
    return None


def refusals(hurdles: Sequence[Hurdle], rows: Rows) -> NDArray[np.int64]:
    """For each of `rows` the index of the first hurdle that refused it; len(hurdles) if it passed all."""
    first = np.full(rows.size, len(hurdles), np.int64)
    for index in reversed(range(len(hurdles))):
        first[~hurdles[index].passes(rows)] = index
    return first
