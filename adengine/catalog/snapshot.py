"""The catalogue as a fill reads it: compiled once per edit, never changed, all candidates in numpy arrays.

A candidate is a flight with one approved creative of its campaign; the arrays have one row per candidate, best tier and
priority first. Pure: `catalog.load` reads the tables, `catalog.watch` swaps the compiled result in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.admission import Admission
from adengine.catalog.columns import CHARS
from adengine.catalog.dimensions import Dimension
from adengine.catalog.guards import LIFETIME, Guard, Guards
from adengine.catalog.lengths import Lengths
from adengine.catalog.nouns import (
    Blackout,
    Creative,
    Flight,
    Key,
    Level,
    Site,
    Slot,
)
from adengine.catalog.sparse import Column, RowOf, Words

__all__ = ["CHARS", "Candidates", "Catalogue", "Rows", "Snapshot"]

Rows: TypeAlias = NDArray[np.int64]
"""Indices of candidates, ascending."""


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
    """(creative, version, URL) of all that were shown within the last two days, if need be without those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """One row per flight × creative, in ascending order of rank: arrays of shape (n,), and columns of as many rows that
    are read through those of flights and creatives; tuples by flight or creative."""

    flight_row: NDArray[np.int32]
    """Into `Snapshot.flights`."""
    creative_row: NDArray[np.int32]
    """Into `Snapshot.creatives`."""
    rank: Column
    house: NDArray[np.bool_]
    flight: Column
    creative: Column
    campaign: Column
    advertiser: NDArray[np.integer[Any]]
    flight_weight: Column
    creative_weight: NDArray[np.float64]
    whole_page: NDArray[np.bool_]
    """Of a flight that stands in every slot of a page or in none."""
    companion: NDArray[np.bool_]
    """Of a flight that may stand in several slots of a page."""
    first: NDArray[np.int64]
    """The candidates of the flight in row f are those from first[f] to before first[f + 1]; shape (flights + 1,)."""
    labels: Words
    """By row of `Snapshot.flights`: its exclusions."""
    categories: Words
    """By row of `Snapshot.creatives`: its taxonomy ids."""

    def __len__(self) -> int:
        return int(self.flight_row.size)

    def ids(self, level: Level) -> Column:
        """What each candidate shows at a cap's level."""
        columns = (self.creative, self.flight, self.campaign, self.advertiser)
        return columns[level - 1]

    def of(self, flights: NDArray[np.integer[Any]]) -> Rows:
        """The candidates of flights (rows), each flight's together, in the order of `flights`."""
        begins = self.first[flights]
        counts = self.first[flights + 1] - begins
        before = np.cumsum(counts) - counts
        return np.repeat(begins - before, counts) + np.arange(int(counts.sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything a fill or a beacon asks of the catalogue; shared by all threads of a process, so never edited."""

    version: int
    compiled_at_s: int
    """Which flights' caps guard was decided then."""
    next_boundary_s: int | None
    """When the next flight is about to start, or ends: the guards change then, so compile again."""
    sites: Mapping[int, Site]
    site_of_domain: Mapping[str, int]
    slots: Mapping[tuple[int, str], Slot]
    """By site and name."""
    keys: Mapping[bytes, Key]
    advertisers: Mapping[int, str]
    flights: Sequence[Flight]
    """Best class first, then by id."""
    flight_row: RowOf
    """Flight id -> its row in `flights` and in every array of shape (flights,)."""
    flight_ids: NDArray[np.int64]
    campaigns: NDArray[np.int64]
    """These two: of each flight."""
    last_flight: int
    """The highest id that any flight had when this was compiled, archived ones among them."""
    creatives: Sequence[Creative]
    """By id."""
    creative_row: RowOf
    creative_campaigns: NDArray[np.int64]
    candidates: Candidates
    candidates_in: Mapping[str, Rows]
    """The candidates whose creative is of a category (a taxonomy id)."""
    lengths: Mapping[str, Lengths]
    """Of every line without its label: in em by font class, and under `CHARS` in graphemes. Shape (creatives, the most
    variants that one has), with no line where a creative has fewer."""
    shortest: Mapping[str, Lengths]
    """Of each flight the shortest of these lines; none for a flight without creatives. Shape (flights,)."""
    bounds_s: NDArray[np.int64]
    """Whenever a flight or a blackout begins or ends, ascending: between two of these the same flights run."""
    admissions: tuple[tuple[Dimension, Admission], ...]
    guards: Guards
    landings: Mapping[tuple[int, int], str]
    """Of versions that were shown lately and are not any more; what is shown knows its own."""
    house: NDArray[np.bool_]
    starts_at_s: NDArray[np.int64]
    ends_at_s: NDArray[np.int64]
    guarded: NDArray[np.bool_]
    """Flights that any cap guards, their own or a sibling's."""
    logged: NDArray[np.bool_]
    """Flights whose picks stand in the reader log: whoever is guarded or sequential."""
    sequential: NDArray[np.bool_]
    optimised: NDArray[np.bool_]
    """These two: by the rotation of their campaign."""
    budgeted: NDArray[np.bool_]
    """Each of their impressions must be leased first."""
    skips_without_reader: NDArray[np.bool_]
    skips_on_outage: NDArray[np.bool_]
    """These ten: shape (flights,)."""
    paced: bool
    """Whether any flight has a goal or a daily limit."""
    shares: tuple[tuple[int, float], ...]
    """(flight, the share of the pages that it was promised)."""
    blackouts: tuple[tuple[int, Blackout], ...]
    """(flight row, span) of every blackout."""
    retention_s: int
    """How long the reader log must keep a record for the longest rolling window."""

    def guards_as_of(self, now_s: int) -> bool:
        """Whether the caps that guard then are these."""
        return self.compiled_at_s <= now_s and (self.next_boundary_s is None or now_s < self.next_boundary_s)

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
        row = self.creative_row.get(creative)
        if row is not None and (shown := self.creatives[row]).version == version:
            return shown.landing_url
        return self.landings.get((creative, version))

    def has_archived(self, flight: int) -> bool:
        """A flight that this snapshot is too old to know is not archived."""
        return flight <= self.last_flight and flight not in self.flight_row

    def showing(self, flight: int) -> Rows:
        """The candidates of a flight."""
        row = self.flight_row.get(flight)
        return self.candidates.of(np.array([] if row is None else [row], np.int64))

    def guarding(self, level: Level, id_: int) -> Sequence[Guard]:
        """The guards that count a thing."""
        match level:
            case Level.FLIGHT:
                return self.guards.by_flight.get(id_)
            case Level.ADVERTISER:
                return self.guards.by_advertiser.get(id_)
            case Level.CREATIVE:
                row = self.creative_row.get(id_)
                campaign = int(self.creative_campaigns[row]) if row is not None else 0
            case _:
                campaign = id_
        return [guard for guard in self.guards.by_campaign.get(campaign) if guard.level is level]

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
