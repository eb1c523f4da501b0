"""Which candidates the catalogue and the page's own words let stand in a slot, as hurdles in the order of `REASONS`.

Pure numpy. Targeting is one hurdle per row of `catalog.dimensions` in use, all under the reason `no_match`. What the
pacer says, what the reader has seen and who else stands on the page are asked after these (`serving.decision`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from adengine.catalog.nouns import Facts, Level, Slot
from adengine.catalog.snapshot import CHARS, Snapshot
from adengine.serving.hurdles import ByCreative, ByFlight, ByThing, Hurdle, Mask
from adengine.serving.request import SlotAsked
from adengine.texts import shown_label
from adengine.texts.fitting import SAFETY
from adengine.texts.widths import clusters
from adengine.topics import Taxonomy

EXCLUDED, TOO_LONG = "excluded", "no_variant_fits"


class Rule(NamedTuple):
    """A hurdle before it is worked out."""

    reason: str
    detail: str | None
    name: Hashable
    """The same for two requests only if `flights` is."""
    flights: Callable[[], Mask]
    """Those that pass, shape (flights,)."""


def rules(snapshot: Snapshot, facts: Facts) -> Iterator[Rule]:
    """One for each dimension that any flight targets (none: one that lets all pass), then the dates."""
    if all(admission.idle for _, admission in snapshot.admissions):
        yield Rule("no_match", None, "all", lambda: np.ones(len(snapshot.flights), bool))
    for dimension, admission in snapshot.admissions:
        if not admission.idle:
            values = admission.named(facts).values
            yield Rule("no_match", dimension.refusal, (dimension.name, values), partial(admission.admits, values))
    span = int(snapshot.bounds_s.searchsorted(facts.now_s, "right"))
    yield Rule("out_of_dates", None, ("dates", span), lambda: _running(snapshot, facts.now_s))


def targeting(snapshot: Snapshot, facts: Facts) -> Iterator[ByFlight]:
    """The hurdles of `rules`."""
    for rule in rules(snapshot, facts):
        yield ByFlight(snapshot.candidates, rule.reason, rule.flights(), rule.detail)


def excluding(
    snapshot: Snapshot, advertisers: Iterable[int], topics: frozenset[str], taxonomy: Taxonomy
) -> Iterator[Hurdle]:
    """What the page excludes: advertisers, and creatives whose category lies in the subtree of one of `topics`."""
    yield ByThing(snapshot.candidates, EXCLUDED, Level.ADVERTISER, frozenset(advertisers))
    creatives = {
        int(creative)
        for category, rows in (snapshot.candidates_in.items() if topics else ())
        if topics.intersection(taxonomy.ancestors(category) or (category,))
        for creative in snapshot.candidates.creative[rows].tolist()
    }
    if creatives:
        yield ByThing(snapshot.candidates, EXCLUDED, Level.CREATIVE, creatives)


class Room:
    """How long a line may be in a slot, as the caller says; `texts.longest_that_fits` in numbers."""

    __slots__ = ("limits",)

    def __init__(self, asked: SlotAsked, slot: Slot) -> None:
        self.limits: tuple[tuple[str, float], ...] = ()
        """(a unit of `Snapshot.lengths`, the longest line without its label); none where the caller sets no limit."""
        if asked.max_width_px is not None:
            room_em = asked.max_width_px / ((asked.font_px or slot.font_px) * SAFETY) - slot.label_em[slot.font]
            self.limits += ((slot.font, room_em),)
        if asked.max_chars is not None:
            self.limits += ((CHARS, float(asked.max_chars - len(clusters(shown_label(slot.label))))),)

    def creatives(self, snapshot: Snapshot) -> Mask:
        """Those with a line that fits; shape (creatives,)."""
        fits = [snapshot.lengths[unit].fitting(most) for unit, most in self.limits]
        return np.logical_and.reduce(fits).any(axis=1) if fits else np.ones(len(snapshot.creatives), bool)

    def holds(self, snapshot: Snapshot, creative: int) -> bool:
        """Whether a line of the creative in this row fits."""
        fits = [snapshot.lengths[unit].fitting_of(creative, most) for unit, most in self.limits]
        return bool((fits[0] if len(fits) == 1 else np.logical_and.reduce(fits)).any())

    def flights(self, snapshot: Snapshot) -> Mask:
        """Those with a creative of which a line fits; shape (flights,)."""
        fitting = [snapshot.shortest[unit].fitting(most) for unit, most in self.limits]
        if len(fitting) == 1:
            return fitting[0]
        has_one = np.zeros(len(snapshot.flights), bool)
        fits = self.creatives(snapshot)
        has_one[snapshot.candidates.flight_row[fits[snapshot.candidates.creative_row]]] = True
        return has_one

    def hurdles(self, snapshot: Snapshot) -> Iterator[ByCreative]:
        """One, or none where the caller sets no limit."""
        if self.limits:
            yield ByCreative(snapshot.candidates, TOO_LONG, self.creatives(snapshot))


def _running(snapshot: Snapshot, now_s: int) -> Mask:
    running: Mask = (snapshot.starts_at_s <= now_s) & (now_s < snapshot.ends_at_s)
    for row, span in snapshot.blackouts:
        running[row] &= not span.from_s <= now_s < span.to_s
    return running
