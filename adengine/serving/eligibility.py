"""Which candidates may stand in a slot, and what refused the others.

Pure numpy. A slot's candidates face hurdles in the order of `serving.reasons.REASONS`; each lets all of them pass or
refuses them at once. Targeting is one hurdle per row of `catalog.dimensions` in use, all under the reason `no_match`.
What the reader has seen (`serving.seen`) and who else stands on the page (`serving.page`) are asked after these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.nouns import Facts, Level, Slot
from adengine.catalog.snapshot import CHARS, Rows, Snapshot
from adengine.serving.pace import Pace
from adengine.serving.request import SlotAsked
from adengine.texts import shown_label
from adengine.texts.fitting import SAFETY
from adengine.texts.widths import clusters
from adengine.topics import Taxonomy

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hurdle:
    reason: str
    """A name of `REASONS`."""
    passes: Mask
    """Shape (candidates,)."""
    detail: str | None = None
    """What explanations add: the dimension, the cap."""


def survivors(hurdles: Iterable[Hurdle]) -> Rows:
    """The candidates that pass every one of `hurdles`, of which there is at least one."""
    return np.flatnonzero(np.logical_and.reduce([hurdle.passes for hurdle in hurdles]))


def furthest_reason(hurdles: Sequence[Hurdle], among: Mask) -> str | None:
    """The reason of those `among` that got furthest, when none of them is left; None when some are.

    That is the hurdle which refused the last of them; with nobody to begin with, the first: nothing matches.
    """
    left = among
    for hurdle in hurdles:
        left = left & hurdle.passes
        if not left.any():
            return hurdle.reason
    return None


def refusals(hurdles: Sequence[Hurdle], candidates: int) -> NDArray[np.int64]:
    """For each candidate the index of the first hurdle that refused it; len(hurdles) if it passed all."""
    first = np.full(candidates, len(hurdles), np.int64)
    for index in reversed(range(len(hurdles))):
        first[~hurdles[index].passes] = index
    return first


class Eligibility:
    """The hurdles of one page's slots; what its slots share is worked out once."""

    def __init__(self, snapshot: Snapshot, now_s: int) -> None:
        self._snapshot = snapshot
        self._flight_row = snapshot.candidates.flight_row
        running = (snapshot.starts_at_s <= now_s) & (now_s < snapshot.ends_at_s)
        for row, span in snapshot.blackouts:
            running[row] &= not span.from_s <= now_s < span.to_s
        self._running = self._each(running)
        self._admitted: dict[tuple[str, tuple[str, ...]], Mask] = {}

    def targeting(self, facts: Facts) -> Iterator[Hurdle]:
        """One hurdle per dimension that any flight targets (none: one that lets all pass), then the dates."""
        if all(admission.idle for _, admission in self._snapshot.admissions):
            yield Hurdle(reason="no_match", passes=np.ones_like(self._running))
        for dimension, admission in self._snapshot.admissions:
            if admission.idle:
                continue
            values = admission.values(facts)
            known = (dimension.name, values)
            if known not in self._admitted:
                self._admitted[known] = self._each(admission.admits(values))
            yield Hurdle(reason="no_match", passes=self._admitted[known], detail=dimension.refusal)
        yield Hurdle(reason="out_of_dates", passes=self._running)

    def excluding(self, advertisers: Iterable[int], topics: frozenset[str], taxonomy: Taxonomy) -> Iterator[Hurdle]:
        """What the page excludes: advertisers, and creatives whose category lies in the subtree of one of `topics`."""
        passes = np.ones(len(self._snapshot.candidates), bool)
        for advertiser in advertisers:
            passes[self._snapshot.showing(Level.ADVERTISER, advertiser)] = False
        for category, rows in self._snapshot.candidates_in.items() if topics else ():
            if topics.intersection(taxonomy.ancestors(category) or (category,)):
                passes[rows] = False
        yield Hurdle(reason="excluded", passes=passes)

    def fitting(self, asked: SlotAsked, slot: Slot) -> Iterator[Hurdle]:
        """Those with a line that `texts.longest_that_fits` would choose; no hurdle where the caller sets no limit."""
        limits: list[Mask] = []
        if asked.max_width_px is not None:
            room_em = asked.max_width_px / ((asked.font_px or slot.font_px) * SAFETY) - slot.label_em[slot.font]
            limits.append(self._snapshot.lengths[slot.font] <= room_em)
        if asked.max_chars is not None:
            room_chars = asked.max_chars - len(clusters(shown_label(slot.label)))
            limits.append(self._snapshot.lengths[CHARS] <= room_chars)
        if limits:
            fits = np.logical_and.reduce(limits).any(axis=1)
            yield Hurdle(reason="no_variant_fits", passes=fits[self._snapshot.candidates.creative_row])

    def paced(self, pace: Pace) -> Iterator[Hurdle]:
        """What has reached its goal or its day's limit, and what is ahead of its schedule or has no lease here."""
        if self._snapshot.paced:
            yield Hurdle(reason="goal_reached", passes=self._each(~pace.reached))
            yield Hurdle(reason="paced_out", passes=self._each(pace.open))

    def _each(self, flights: Mask) -> Mask:
        """From flights to their candidates."""
        return flights[self._flight_row]
