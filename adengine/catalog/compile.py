"""From the catalogue's columns to the arrays that fills read, and from arrays to the snapshot. Pure.

`arrays_of` takes numpy only, so that a million creatives are put together in a few seconds; what it gives is all that a
snapshot needs beside its nouns, and may lie in a file that is mapped (`catalog.shelf`). It does not depend on now:
which caps guard does, and is decided when a snapshot is made of the arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adengine.caps import windows
from adengine.catalog.admission import Admission, Postings
from adengine.catalog.columns import (
    EXCLUDE,
    FOREVER_S,
    INCLUDE,
    UNITS,
    Array,
    Columns,
    Table,
    Vocabulary,
    creative_columns,
    flight_columns,
)
from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.guards import LIFETIME, GuardArrays, guard_arrays, guards_in
from adengine.catalog.nouns import Blackout, Creative, Flight, Key, Level, Site, Slot
from adengine.catalog.snapshot import Candidates, Catalogue, Snapshot
from adengine.catalog.sparse import Groups, RowOf, Words

LEAD_S = 60
"""A flight's caps guard from a minute before it starts, so that it never runs without them while others compile."""
DAY_S = 86_400
RETENTION_S_MIN = 8 * DAY_S
"""Covers a calendar week and the hour that a change of clocks adds."""
LEVELS = {
    Level.CREATIVE: "creative",
    Level.FLIGHT: "flight",
    Level.CAMPAIGN: "campaign",
    Level.ADVERTISER: "advertiser",
}


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
    creatives = creative_columns(catalogue.creatives, words)
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


def arrays_of(
    flights: Columns, creatives: Columns, words: Vocabulary, dimensions: Sequence[Dimension]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """(arrays by name, what else must be told of them in JSON)."""
    order = np.lexsort((flights.rows["id"], flights.rows["rank"]))
    by_flight = {f"flights.{name}": column[order] for name, column in flights.rows.items()}
    row_of = np.empty(order.size, np.int32)
    row_of[order] = np.arange(order.size, dtype=np.int32)
    rows = _Rows(flights.rows["id"], row_of)
    arrays: dict[str, Array] = {
        **by_flight,
        "flights.by_id": flights.rows["id"],
        "flights.row_of": row_of,
        **{f"caps.{name}": column for name, column in flights.tables["caps"].items()},
        **_candidate_arrays(by_flight, creatives),
        **{
            name if name.startswith("lengths.") else f"creatives.{name}": creatives.rows[name]
            for name in creatives.rows
        },
        **_blackout_arrays(flights.tables["blackouts"], rows),
        **_word_arrays("labels", flights.tables["labels"], rows, order.size),
        **_word_arrays("categories", creatives.tables["categories"], _in_order(creatives), len(creatives)),
    }
    arrays |= _shortest(arrays)
    arrays["bounds_s"] = _bounds(arrays)
    told: dict[str, Any] = {"values": {}}
    for row in dimensions:
        arrays |= _admission_arrays(row, flights, words.of_dimension(row.name).words, rows, told["values"])
    return arrays, told | {
        "windows": list(words.windows.words),
        "labels": list(words.labels.words),
        "categories": list(words.categories.words),
    }


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
    candidates = Candidates(
        **{name: arrays[f"candidates.{name}"] for name in Candidates.ARRAYS},
        labels=Words(arrays["labels.firsts"], arrays["labels.words"], told["labels"]),
        categories=Words(arrays["categories.firsts"], arrays["categories.words"], told["categories"]),
    )
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
        creative_row=RowOf(arrays["creatives.id"], np.arange(len(nouns.creatives), dtype=np.int32)),
        creative_campaigns=arrays["creatives.campaign"],
        candidates=candidates,
        candidates_of={level: _groups(arrays, name) for level, name in LEVELS.items()},
        candidates_in={
            told["categories"][number]: arrays["in_category.rows"][begin:end].astype(np.int64)
            for number, begin, end in zip(named, firsts[:-1], firsts[1:], strict=True)
        },
        lengths={unit: arrays[f"lengths.{unit}"] for unit in UNITS},
        shortest={unit: arrays[f"shortest.{unit}"] for unit in UNITS},
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


class _Rows:
    """From ids to rows, for many at once."""

    def __init__(self, ids: Array, rows: Array) -> None:
        """ids: ascending."""
        self._ids, self._rows = ids, rows

    def of(self, ids: Array) -> Array:
        found: Array = self._rows[np.searchsorted(self._ids, ids)]
        return found


def _in_order(columns: Columns) -> _Rows:
    return _Rows(columns.rows["id"], np.arange(len(columns), dtype=np.int32))


def _live_caps(arrays: Mapping[str, Array], named: Sequence[str], now_s: int) -> Table:
    """Those that guard, as `guard_arrays` takes them.  named: the windows."""
    live = (arrays["flights.starts_at_s"] - LEAD_S <= now_s) & (now_s < arrays["flights.ends_at_s"])
    kept = live[_Rows(arrays["flights.by_id"], arrays["flights.row_of"]).of(arrays["caps.owner"])]
    caps = {name: arrays[f"caps.{name}"][kept] for name in ("owner", "level", "limit", "window")}
    lifetime = np.array([word == LIFETIME for word in named], bool)
    return {**caps, "lifetime": lifetime[caps["window"]]}


def _by_id(arrays: Mapping[str, Array]) -> Table:
    """What `guard_arrays` asks of flights, by rising id."""
    row_of = arrays["flights.row_of"]
    return {name: arrays[f"flights.{name}"][row_of] for name in ("id", "campaign", "advertiser")}


def _candidate_arrays(by_flight: Table, creatives: Columns) -> dict[str, Array]:
    """One candidate for each flight and each creative of its campaign."""
    of_campaign = np.argsort(creatives.rows["campaign"], kind="stable")
    campaigns = creatives.rows["campaign"][of_campaign]
    wanted = by_flight["flights.campaign"]
    begins = np.searchsorted(campaigns, wanted, "left")
    counts = np.searchsorted(campaigns, wanted, "right") - begins
    first = np.append(0, np.cumsum(counts)).astype(np.int64)
    f = np.repeat(np.arange(wanted.size, dtype=np.int32), counts)
    c = of_campaign[np.repeat(begins - first[:-1], counts) + np.arange(first[-1])].astype(np.int32)
    found = {
        "flight_row": f,
        "creative_row": c,
        "creative": creatives.rows["id"][c],
        "creative_weight": np.where(by_flight["flights.weighted"][f], creatives.rows["weight"][c], 1.0),
        "first": first,
        **{
            name: by_flight[f"flights.{column}"][f]
            for name, column in (
                ("rank", "rank"), ("house", "house"), ("flight", "id"), ("campaign", "campaign"),
                ("advertiser", "advertiser"), ("flight_weight", "weight"), ("whole_page", "whole_page"),
                ("companion", "companion"),
            )
        },
    }  # fmt: skip
    arrays = {f"candidates.{name}": column for name, column in found.items()}
    for name in LEVELS.values():
        arrays |= _group_arrays(f"of_{name}", Groups.of(found[name]))
    named = creatives.tables["categories"]
    of_creative = Groups(arrays["of_creative.ids"], arrays["of_creative.firsts"], arrays["of_creative.rows"])
    return arrays | _group_arrays("in_category", _in_categories(named, of_creative))


def _in_categories(named: Table, of_creative: Groups) -> Groups:
    """Category (number) -> candidates."""
    listed = [
        (number, row)
        for creative, number in zip(named["owner"].tolist(), named["word"].tolist(), strict=True)
        for row in of_creative.get(creative).tolist()
    ]
    pairs = np.array(sorted(listed), np.int64).reshape(-1, 2)
    groups = Groups.of(pairs[:, 0])
    return Groups(groups.ids, groups.firsts, pairs[:, 1][groups.rows])


def _group_arrays(name: str, groups: Groups) -> dict[str, Array]:
    return {f"{name}.ids": groups.ids, f"{name}.firsts": groups.firsts, f"{name}.rows": groups.rows}


def _groups(arrays: Mapping[str, Array], name: str) -> Groups:
    return Groups(arrays[f"of_{name}.ids"], arrays[f"of_{name}.firsts"], arrays[f"of_{name}.rows"])


def _guarded(guards: Table, by_flight: Table) -> NDArray[np.bool_]:
    """Flights that any cap guards, their own or a sibling's."""
    found = np.zeros(by_flight["flights.id"].size, bool)
    for kind, name in enumerate(GuardArrays.OWNERS):
        things = guards["thing"][guards["kind"] == kind]
        found |= np.isin(by_flight[f"flights.{'id' if name == 'flight' else name}"], things)
    return found


def _blackout_arrays(table: Table, rows: _Rows) -> dict[str, Array]:
    at = rows.of(table["owner"])
    order = np.lexsort((table["from_s"], at))
    return {
        "blackouts.row": at[order],
        "blackouts.from_s": table["from_s"][order],
        "blackouts.to_s": table["to_s"][order],
    }


def _word_arrays(name: str, table: Table, rows: _Rows, number: int) -> dict[str, Array]:
    """As `sparse.Words` takes them."""
    at = rows.of(table["owner"])
    order = np.argsort(at, kind="stable")
    firsts = np.searchsorted(at[order], np.arange(number + 1))
    return {f"{name}.firsts": firsts.astype(np.int32), f"{name}.words": table["word"][order].astype(np.int32)}


def _shortest(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Of each flight the shortest line of all its creatives; infinite without any."""
    first = arrays["candidates.first"]
    some = np.flatnonzero(np.diff(first))
    found = {}
    for unit in UNITS:
        lengths = arrays[f"lengths.{unit}"]
        shortest = np.full(first.size - 1, np.inf)
        if some.size:
            of_lines = lengths.min(axis=1)[arrays["candidates.creative_row"]]
            shortest[some] = np.minimum.reduceat(of_lines, first[:-1][some])
        found[f"shortest.{unit}"] = shortest
    return found


def _bounds(arrays: Mapping[str, Array]) -> NDArray[np.int64]:
    names = ("flights.starts_at_s", "flights.ends_at_s", "blackouts.from_s", "blackouts.to_s")
    return np.unique(np.concatenate([arrays[name].astype(np.int64) for name in names]))


def _next_boundary(arrays: Mapping[str, Array], now_s: int) -> int | None:
    bounds = np.concatenate([arrays["flights.starts_at_s"] - LEAD_S, arrays["flights.ends_at_s"]])
    ahead = bounds[(bounds > now_s) & (bounds < FOREVER_S)]
    return int(ahead.min()) if ahead.size else None


def _admission_arrays(
    row: Dimension, flights: Columns, words: Sequence[str], rows: _Rows, values: dict[str, Any]
) -> dict[str, Array]:
    """parts: as `Admission` has them; postings: of all values that any flight names, one after another."""
    parts = np.zeros(len(flights), np.int16)
    found: dict[str, Array] = {}
    for side in (INCLUDE, EXCLUDE):
        table = flights.tables[f"{side}.{row.name}"]
        at = rows.of(table["owner"])
        order = np.lexsort((at, table["word"]))
        numbers, firsts = np.unique(table["word"][order], return_index=True)
        values.setdefault(row.name, {})[side] = [words[number] for number in numbers.tolist()]
        found[f"{side}.{row.name}.firsts"] = np.append(firsts, at.size).astype(np.int64)
        found[f"{side}.{row.name}.rows"] = at[order].astype(np.int32)
        if side == INCLUDE:
            parts[at] = 1
    several = flights.tables[f"parts.{row.name}"]
    parts[rows.of(several["owner"])] = several["n"]
    return found | {f"parts.{row.name}": parts}


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
