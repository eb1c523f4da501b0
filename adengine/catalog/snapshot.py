"""The catalogue as a fill reads it: compiled once per edit, never changed, all candidates in numpy arrays.

A candidate is a flight with one approved creative of its campaign; the arrays have one row per candidate, best tier and
priority first. Pure: `catalog.load` reads the tables, `catalog.watch` swaps the compiled result in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.caps import windows
from adengine.catalog.admission import Admission, admission
from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.guards import LIFETIME, Guard, Guards, guards_of
from adengine.catalog.nouns import (
    Blackout,
    Creative,
    Flight,
    Key,
    Level,
    Roadblock,
    Site,
    Slot,
    Tier,
    Variant,
    Without,
)
from adengine.texts import FONT_CLASSES

RANKS_PER_TIER = 32
"""rank = tier * 32 + 2 * priority, + 1 without a goal, so that one number orders all three; priorities run 1..10."""
LEAD_S = 60
"""A flight's caps guard from a minute before it starts, so that it never runs without them while others compile."""
FOREVER_S = 2**62
CHARS = "chars"
DAY_S = 86_400
RETENTION_S_MIN = 8 * DAY_S
"""Covers a calendar week and the hour that a change of clocks adds."""


Rows: TypeAlias = NDArray[np.int64]
"""Indices of candidates, ascending."""

_NOBODY = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One consistent reading of the tables, as nouns."""

    version: int
    sites: tuple[Site, ...] = ()
    slots: tuple[Slot, ...] = ()
    keys: tuple[tuple[bytes, Key], ...] = ()
    """(SHA-256 of the key, the living key)."""
    advertisers: Mapping[int, str]
    flights: tuple[Flight, ...] = ()
    """Whatever is not archived, whether it runs now or not."""
    creatives: tuple[Creative, ...] = ()
    """The version of each creative that may be shown."""
    landings: tuple[tuple[int, int, str], ...] = ()
    """(creative, version, URL) of those and of all that were shown within the last two days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Arrays of shape (n,), one row per flight × creative, in ascending order of rank; tuples by flight or creative."""

    flight_row: NDArray[np.int32]
    """Into `Snapshot.flights`."""
    creative_row: NDArray[np.int32]
    """Into `Snapshot.creatives`."""
    rank: NDArray[np.int16]
    house: NDArray[np.bool_]
    flight: NDArray[np.int64]
    creative: NDArray[np.int64]
    advertiser: NDArray[np.int64]
    flight_weight: NDArray[np.float64]
    creative_weight: NDArray[np.float64]
    whole_page: NDArray[np.bool_]
    """Of a flight that stands in every slot of a page or in none."""
    companion: NDArray[np.bool_]
    """Of a flight that may stand in several slots of a page."""
    labels: tuple[tuple[str, ...], ...]
    """By row of `Snapshot.flights`: its exclusions."""
    categories: tuple[tuple[str, ...], ...]
    """By row of `Snapshot.creatives`: its taxonomy ids."""

    def __len__(self) -> int:
        return int(self.rank.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a fill or a beacon asks of the catalogue; shared by all threads of a process, so never edited."""

    version: int
    next_boundary_s: int | None
    """When the next flight is about to start, or ends: the guards change then, so compile again."""
    sites: Mapping[int, Site]
    site_of_domain: Mapping[str, int]
    slots: Mapping[tuple[int, str], Slot]
    """By site and name."""
    keys: Mapping[bytes, Key]
    advertisers: Mapping[int, str]
    flights: tuple[Flight, ...]
    flight_row: Mapping[int, int]
    """Flight id -> its row in `flights` and in every array of shape (flights,)."""
    creatives: tuple[Creative, ...]
    candidates: Candidates
    candidates_of: Mapping[Level, Mapping[int, Rows]]
    """The candidates that show a thing, by its level and id."""
    candidates_in: Mapping[str, Rows]
    """The candidates whose creative is of a category (a taxonomy id)."""
    lengths: Mapping[str, NDArray[np.float64]]
    """Of every line without its label: in em by font class, and under `CHARS` in graphemes. Shape (creatives, the most
    variants that one has), infinite where a creative has fewer."""
    admissions: tuple[tuple[Dimension, Admission], ...]
    guards: Guards
    guards_on: Mapping[tuple[Level, int], tuple[Guard, ...]]
    """What guards a thing, by its level and id; only things that are guarded."""
    landings: Mapping[tuple[int, int], str]
    starts_at_s: NDArray[np.int64]
    ends_at_s: NDArray[np.int64]
    guarded: NDArray[np.bool_]
    """Flights that any cap guards, their own or a sibling's."""
    skips_without_reader: NDArray[np.bool_]
    skips_on_outage: NDArray[np.bool_]
    """These five: shape (flights,)."""
    paced: bool
    """Whether any flight has a goal or a daily limit."""
    shares: tuple[tuple[int, float], ...]
    """(flight, the share of the pages that it was promised)."""
    blackouts: tuple[tuple[int, Blackout], ...]
    """(flight row, span) of every blackout."""
    retention_s: int
    """How long the reader log must keep a record for the longest rolling window."""

    def site_of(self, host: str) -> int | None:
        """The site whose domain is `host` or the nearest of its parents."""
        labels = host.casefold().rstrip(".").split(".")
        for start in range(len(labels)):
            site = self.site_of_domain.get(".".join(labels[start:]))
            if site is not None:
                return site
        return None

    def landing(self, creative: int, version: int) -> str | None:
        """Where a click goes; None once the version is neither shown nor recently shown."""
        return self.landings.get((creative, version))

    def showing(self, level: Level, id_: int) -> Rows:
        """The candidates that show a thing."""
        return self.candidates_of[level].get(id_, _NOBODY)

    def guards_of(self, flight_row: int) -> tuple[Guard, ...]:
        flight = self.flights[flight_row]
        return self.guards.of(flight.id, flight.campaign, flight.advertiser)

    def lifetimes(self, flight: int, creative: int) -> tuple[tuple[int, Level, int], ...]:
        """(owner flight, level, id) of each lifetime count that an impression of `creative` by `flight` adds to."""
        row = self.flight_row.get(flight)
        if row is None:
            return ()
        shown = self.flights[row]
        ids = {Level.CREATIVE: creative, Level.FLIGHT: flight, Level.CAMPAIGN: shown.campaign}
        return tuple(
            (guard.owner, guard.level, ids.get(guard.level, shown.advertiser))
            for guard in self.guards_of(row)
            if guard.window == LIFETIME
        )


def compile_snapshot(catalogue: Catalogue, now_s: int, dimensions: Sequence[Dimension] = DIMENSIONS) -> Snapshot:
    """The snapshot of `catalogue`; now_s decides which flights' caps guard, until `next_boundary_s`."""
    flights = tuple(sorted(catalogue.flights, key=lambda flight: (_rank(flight), flight.id)))
    creatives = tuple(sorted(catalogue.creatives, key=lambda creative: creative.id))
    live = [flight for flight in flights if flight.starts_at_s - LEAD_S <= now_s < _end(flight)]
    guards = guards_of(live)
    candidates = _candidates(flights, creatives)
    bounds = [bound for f in flights for bound in (f.starts_at_s - LEAD_S, _end(f)) if now_s < bound < FOREVER_S]
    return Snapshot(
        version=catalogue.version,
        next_boundary_s=min(bounds, default=None),
        sites={site.id: site for site in catalogue.sites},
        site_of_domain={domain.casefold(): site.id for site in catalogue.sites for domain in site.domains},
        slots={(slot.site, slot.name): slot for slot in catalogue.slots},
        keys=dict(catalogue.keys),
        advertisers=dict(catalogue.advertisers),
        flights=flights,
        flight_row={flight.id: row for row, flight in enumerate(flights)},
        creatives=creatives,
        candidates=candidates,
        candidates_of=_candidates_of(candidates, flights),
        candidates_in=_candidates_in(candidates, creatives),
        admissions=tuple(
            (row, admission(row, [row.wanted(flight.targeting) for flight in flights])) for row in dimensions
        ),
        guards=guards,
        guards_on=_guards_on(guards, creatives),
        landings={(creative, version): url for creative, version, url in catalogue.landings},
        starts_at_s=np.array([flight.starts_at_s for flight in flights], np.int64),
        ends_at_s=np.array([_end(flight) for flight in flights], np.int64),
        guarded=np.array([bool(guards.of(f.id, f.campaign, f.advertiser)) for f in flights], bool),
        skips_without_reader=np.array([flight.without_reader is Without.SKIP for flight in flights], bool),
        skips_on_outage=np.array([flight.cap_on_outage is Without.SKIP for flight in flights], bool),
        lengths=_lengths(creatives),
        paced=any(flight.goal is not None or flight.daily_limit is not None for flight in flights),
        shares=tuple((flight.id, flight.share) for flight in flights if flight.share is not None),
        blackouts=tuple((row, span) for row, flight in enumerate(flights) for span in flight.blackouts),
        retention_s=max([RETENTION_S_MIN, *(windows.keeps_s(cap.window) for flight in live for cap in flight.caps)]),
    )


def _rank(flight: Flight) -> int:
    """What was promised a number comes before what takes its part of the rest."""
    return flight.tier * RANKS_PER_TIER + 2 * flight.priority + (flight.goal is None)


def _end(flight: Flight) -> int:
    return FOREVER_S if flight.runs_until_s is None else flight.runs_until_s


def _candidates(flights: Sequence[Flight], creatives: Sequence[Creative]) -> Candidates:
    of_campaign: dict[int, list[int]] = defaultdict(list)
    for row, creative in enumerate(creatives):
        of_campaign[creative.campaign].append(row)
    pairs = [(f, c) for f, flight in enumerate(flights) for c in of_campaign[flight.campaign]]
    f, c = (np.array([pair[side] for pair in pairs], np.int32) for side in (0, 1))
    return Candidates(
        flight_row=f,
        creative_row=c,
        rank=np.array([_rank(flight) for flight in flights], np.int16)[f],
        house=np.array([flight.tier is Tier.HOUSE for flight in flights], bool)[f],
        flight=np.array([flight.id for flight in flights], np.int64)[f],
        creative=np.array([creative.id for creative in creatives], np.int64)[c],
        advertiser=np.array([flight.advertiser for flight in flights], np.int64)[f],
        flight_weight=np.array([flight.weight for flight in flights], np.float64)[f],
        creative_weight=np.array([creative.weight for creative in creatives], np.float64)[c],
        whole_page=np.array([flight.roadblock is Roadblock.ALL for flight in flights], bool)[f],
        companion=np.array([flight.roadblock is Roadblock.COMPANION for flight in flights], bool)[f],
        labels=tuple(flight.exclusions for flight in flights),
        categories=tuple(creative.categories for creative in creatives),
    )


def _candidates_of(candidates: Candidates, flights: Sequence[Flight]) -> Mapping[Level, Mapping[int, Rows]]:
    campaign = np.array([flight.campaign for flight in flights], np.int64)[candidates.flight_row]
    return {
        Level.CREATIVE: _grouped(candidates.creative),
        Level.FLIGHT: _grouped(candidates.flight),
        Level.CAMPAIGN: _grouped(campaign),
        Level.ADVERTISER: _grouped(candidates.advertiser),
    }


def _guards_on(guards: Guards, creatives: Sequence[Creative]) -> Mapping[tuple[Level, int], tuple[Guard, ...]]:
    found = {(Level.FLIGHT, flight): own for flight, own in guards.by_flight.items()}
    found |= {(Level.ADVERTISER, advertiser): own for advertiser, own in guards.by_advertiser.items()}
    for campaign, own in guards.by_campaign.items():
        found[Level.CAMPAIGN, campaign] = tuple(guard for guard in own if guard.level is Level.CAMPAIGN)
    for creative in creatives:
        own = guards.by_campaign.get(creative.campaign, ())
        found[Level.CREATIVE, creative.id] = tuple(guard for guard in own if guard.level is Level.CREATIVE)
    return {thing: own for thing, own in found.items() if own}


def _grouped(ids: NDArray[np.int64]) -> Mapping[int, Rows]:
    """Id -> the rows that hold it, ascending."""
    order = np.argsort(ids, kind="stable")
    values, firsts = np.unique(ids[order], return_index=True)
    return dict(zip(values.tolist(), np.split(order, firsts[1:]), strict=True)) if ids.size else {}


def _candidates_in(candidates: Candidates, creatives: Sequence[Creative]) -> Mapping[str, Rows]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, creative in enumerate(candidates.creative_row.tolist()):
        for category in creatives[creative].categories:
            rows[category].append(row)
    return {category: np.array(found, np.int64) for category, found in rows.items()}


def _lengths(creatives: Sequence[Creative]) -> Mapping[str, NDArray[np.float64]]:
    most = max((len(creative.variants) for creative in creatives), default=0)

    def table(measure: Callable[[Variant], float]) -> NDArray[np.float64]:
        lengths = np.full((len(creatives), most), np.inf)
        for row, creative in enumerate(creatives):
            lengths[row, : len(creative.variants)] = [measure(variant) for variant in creative.variants]
        return lengths

    def width_in(font: str) -> Callable[[Variant], float]:
        return lambda variant: variant.width_em[font]

    return {font: table(width_in(font)) for font in FONT_CLASSES} | {CHARS: table(lambda variant: variant.chars)}
