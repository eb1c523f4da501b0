"""From the catalogue's arrays (`arrays`) and nouns to the snapshot that reads them. Pure.

What depends on now, which caps guard, is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adengine.caps import windows
from adengine.catalog.admission import Admission, Postings
from adengine.catalog.arrays import Rows, arrays_of, of_creatives
from adengine.catalog.columns import (
    EXCLUDE,
    FOREVER_S,
    INCLUDE,
    UNITS,
    Array,
    Table,
    Vocabulary,
    creative_columns,
    flight_columns,
)
from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.guards import LIFETIME, GuardArrays, guard_arrays, guards_in
from adengine.catalog.lengths import Lengths
from adengine.catalog.nouns import Blackout, Creative, Flight, Key, Site, Slot
from adengine.catalog.snapshot import Candidates, Catalogue, Snapshot
from adengine.catalog.sparse import RowOf, Through, Words

LEAD_S = 60
"""A flight's caps guard from a minute before it starts, so that it never runs without them while others compile."""
DAY_S = 86_400
RETENTION_S_MIN = 8 * DAY_S
"""Covers a calendar week and the hour that a change of clocks adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nouns:
    """What of a snapshot is no array."""

    version: int
    sites: Sequence[Site]
    slots: Sequence[Slot]
    keys: Sequence[tuple[bytes, Key]]
    advertisers: Mapping[int, str]
    flights: Sequence[Flight]
    """In the order of the arrays, as are `creatives`."""
    creatives: Sequence[Creative]
    landings: Mapping[tuple[int, int], str]
    last_flight: int


def compile_snapshot(catalogue: Catalogue, now_s: int, dimensions: Sequence[Dimension] = DIMENSIONS) -> Snapshot:
    """The snapshot of `catalogue`; now_s decides which flights' caps guard, until `next_boundary_s`."""
    words = Vocabulary()
    flights = flight_columns(catalogue.flights, words, dimensions)
    creatives = of_creatives(creative_columns(catalogue.creatives, words), words)
    arrays, told = arrays_of(flights, creatives, words, dimensions)
    by_id = {flight.id: flight for flight in catalogue.flights}
    nouns = Nouns(
        version=catalogue.version,
        sites=catalogue.sites,
        slots=catalogue.slots,
        keys=catalogue.keys,
        advertisers=catalogue.advertisers,
        flights=tuple(by_id[id_] for id_ in arrays["flights.id"].tolist()),
        creatives=tuple(sorted(catalogue.creatives, key=lambda creative: creative.id)),
        landings={(creative, version): url for creative, version, url in catalogue.landings},
        last_flight=max(by_id, default=0),
    )
    return snapshot_of(arrays, told, nouns, now_s, dimensions)


def snapshot_of(
    arrays: Mapping[str, Array],
    told: Mapping[str, Any],
    nouns: Nouns,
    now_s: int,
    dimensions: Sequence[Dimension] = DIMENSIONS,
) -> Snapshot:
    """arrays, told: as `arrays_of` gives them.  now_s: decides which flights' caps guard, until `next_boundary_s`."""
    caps = _live_caps(arrays, told["windows"], now_s)
    guards = guard_arrays(caps, _by_id(arrays))
    guarded = _guarded(guards, arrays)
    named = arrays["in_category.ids"].tolist()
    firsts = arrays["in_category.firsts"].tolist()
    share = arrays["flights.share"]
    return Snapshot(
        version=nouns.version,
        compiled_at_s=now_s,
        next_boundary_s=_next_boundary(arrays, now_s),
        sites={site.id: site for site in nouns.sites},
        site_of_domain={domain.casefold(): site.id for site in nouns.sites for domain in site.domains},
        slots={(slot.site, slot.name): slot for slot in nouns.slots},
        keys=dict(nouns.keys),
        advertisers=nouns.advertisers,
        flights=nouns.flights,
        flight_row=RowOf(arrays["flights.by_id"], arrays["flights.row_of"]),
        flight_ids=arrays["flights.id"],
        campaigns=arrays["flights.campaign"],
        last_flight=nouns.last_flight,
        creatives=nouns.creatives,
        creative_row=RowOf(arrays["creatives.id"]),
        creative_campaigns=arrays["creatives.campaign"],
        candidates=_candidates(arrays, told),
        candidates_in={
            told["categories"][number]: arrays["in_category.rows"][begin:end].astype(np.int64)
            for number, begin, end in zip(named, firsts[:-1], firsts[1:], strict=True)
        },
        lengths={unit: Lengths(arrays[f"all_lengths.{unit}"], arrays[f"lengths.{unit}"]) for unit in UNITS},
        shortest={unit: Lengths(arrays[f"all_lengths.{unit}"], arrays[f"shortest.{unit}"]) for unit in UNITS},
        bounds_s=arrays["bounds_s"],
        admissions=tuple((row, _admission(row, arrays, told["values"][row.name])) for row in dimensions),
        guards=guards_in(guards, told["windows"]),
        landings=nouns.landings,
        house=arrays["flights.house"],
        starts_at_s=arrays["flights.starts_at_s"],
        ends_at_s=arrays["flights.ends_at_s"],
        guarded=guarded,
        logged=guarded | arrays["flights.sequential"],
        sequential=arrays["flights.sequential"],
        optimised=arrays["flights.optimised"],
        budgeted=arrays["flights.budgeted"],
        skips_without_reader=arrays["flights.skips_without_reader"],
        skips_on_outage=arrays["flights.skips_on_outage"],
        paced=bool(arrays["flights.paced"].any()),
        shares=tuple(
            (int(arrays["flights.id"][row]), float(share[row])) for row in np.flatnonzero(~np.isnan(share)).tolist()
        ),
        blackouts=tuple(
            (row, Blackout(from_s=from_s, to_s=to_s))
            for row, from_s, to_s in zip(
                *(arrays[f"blackouts.{name}"].tolist() for name in ("row", "from_s", "to_s")), strict=True
            )
        ),
        retention_s=max(
            [RETENTION_S_MIN, *(windows.keeps_s(told["windows"][at]) for at in np.unique(caps["window"]).tolist())]
        ),
    )


def _candidates(arrays: Mapping[str, Array], told: Mapping[str, Any]) -> Candidates:
    flight_row, creative_row = arrays["candidates.flight_row"], arrays["candidates.creative_row"]
    whole = ("advertiser", "house", "creative_weight", "whole_page", "companion", "first")
    return Candidates(
        flight_row=flight_row,
        creative_row=creative_row,
        **{name: arrays[f"candidates.{name}"] for name in whole},
        rank=Through(arrays["flights.rank"], flight_row),
        flight=Through(arrays["flights.id"], flight_row),
        campaign=Through(arrays["flights.campaign"], flight_row),
        flight_weight=Through(arrays["flights.weight"], flight_row),
        creative=Through(arrays["creatives.id"], creative_row),
        labels=Words(arrays["labels.firsts"], arrays["labels.words"], told["labels"]),
        categories=Words(arrays["categories.firsts"], arrays["categories.words"], told["categories"]),
    )


def _live_caps(arrays: Mapping[str, Array], named: Sequence[str], now_s: int) -> Table:
    """Those that guard, as `guard_arrays` takes them.  named: the windows."""
    live = (arrays["flights.starts_at_s"] - LEAD_S <= now_s) & (now_s < arrays["flights.ends_at_s"])
    kept = live[Rows(arrays["flights.by_id"], arrays["flights.row_of"]).of(arrays["caps.owner"])]
    caps = {name: arrays[f"caps.{name}"][kept].astype(np.int64) for name in ("owner", "level", "limit", "window")}
    lifetime = np.array([word == LIFETIME for word in named], bool)
    return {**caps, "lifetime": lifetime[caps["window"]]}


def _by_id(arrays: Mapping[str, Array]) -> Table:
    """What `guard_arrays` asks of flights, by rising id."""
    row_of = arrays["flights.row_of"]
    return {name: arrays[f"flights.{name}"][row_of] for name in ("id", "campaign", "advertiser")}


def _guarded(guards: Table, by_flight: Table) -> NDArray[np.bool_]:
    """Flights that any cap guards, their own or a sibling's."""
    found = np.zeros(by_flight["flights.id"].size, bool)
    for kind, name in enumerate(GuardArrays.OWNERS):
        things = guards["thing"][guards["kind"] == kind]
        found |= np.isin(by_flight[f"flights.{'id' if name == 'flight' else name}"], things)
    return found


def _next_boundary(arrays: Mapping[str, Array], now_s: int) -> int | None:
    bounds = np.concatenate([arrays["flights.starts_at_s"] - LEAD_S, arrays["flights.ends_at_s"]])
    ahead = bounds[(bounds > now_s) & (bounds < FOREVER_S)]
    return int(ahead.min()) if ahead.size else None


def _admission(row: Dimension, arrays: Mapping[str, Array], named: Mapping[str, Sequence[str]]) -> Admission:
    include, exclude = (_postings(arrays, f"{side}.{row.name}", named[side]) for side in (INCLUDE, EXCLUDE))
    return Admission(
        parts=arrays[f"parts.{row.name}"],
        include=include,
        exclude=exclude,
        values=row.values if row.holding is None else row.holding(tuple({**include, **exclude})),
        part_of=row.part_of,
        alike=row.alike,
        nearness=row.nearness,
        relatedness=row.relatedness,
    )


def _postings(arrays: Mapping[str, Array], name: str, values: Sequence[str]) -> Postings:
    firsts, rows = arrays[f"{name}.firsts"].tolist(), arrays[f"{name}.rows"]
    return {value: rows[firsts[at] : firsts[at + 1]] for at, value in enumerate(values)}
