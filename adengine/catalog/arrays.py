"""From the catalogue's columns to the arrays that fills read. Pure, and numpy only.

What it gives is all that a snapshot needs beside its nouns (`compile`), and may lie in files that are mapped (`shelf`).
Arrays of a row for each creative or candidate are as narrow as their numbers are (decision 0031); what candidates share
with their flight or creative is read through that. Nothing depends on now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.columns import EXCLUDE, INCLUDE, UNITS, Array, Columns, Table, Vocabulary
from adengine.catalog.dimensions import Dimension
from adengine.catalog.lengths import Places, placed

SIGNED = (np.int8, np.int16, np.int32, np.int64)
IDS = (np.int32, np.int64)
OFFSETS = (np.uint16, np.uint32, np.int64)
KINDS = ("house", "whole_page", "companion")
"""Columns of flights that are written out for each candidate."""
NARROW = ("creatives.id", "creatives.campaign", "flights.edit", "flights.updated_at_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCreatives:
    """What creatives alone decide: the same until one of them is edited."""

    arrays: Mapping[str, Array]
    rows: NDArray[np.int32]
    """Of creatives, by rising campaign and then by id; shape (creatives,)."""
    campaigns: NDArray[np.int64]
    """Theirs, ascending."""
    shortest: Mapping[str, Places]
    """Of the shortest line of each, in the order of `creatives`; by unit."""


def arrays_of(
    flights: Columns, creatives: OfCreatives, words: Vocabulary, dimensions: Sequence[Dimension]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """(arrays by name, what else must be told of them in JSON)."""
    order = np.lexsort((flights.rows["id"], flights.rows["rank"]))
    row_of = np.empty(order.size, np.int32)
    row_of[order] = np.arange(order.size, dtype=np.int32)
    rows = Rows(flights.rows["id"], row_of)
    arrays: dict[str, Array] = {
        **{f"flights.{name}": column[order] for name, column in flights.rows.items()},
        "flights.by_id": flights.rows["id"],
        "flights.row_of": row_of,
        **{f"caps.{name}": narrow(column) for name, column in flights.tables["caps"].items()},
        **creatives.arrays,
        **_blackout_arrays(flights.tables["blackouts"], rows),
        **_word_arrays("labels", flights.tables["labels"], rows, order.size),
    }
    arrays |= _candidate_arrays(arrays, creatives)
    arrays |= _shortest(arrays, creatives)
    arrays["bounds_s"] = _bounds(arrays)
    told: dict[str, Any] = {"values": {}}
    for row in dimensions:
        arrays |= _admission_arrays(row, flights, words.of_dimension(row.name).words, rows, told["values"])
    return _narrowed(arrays), told | {
        "windows": list(words.windows.words),
        "labels": list(words.labels.words),
        "categories": list(words.categories.words),
    }


def of_creatives(creatives: Columns, words: Vocabulary) -> OfCreatives:
    """The part of `arrays_of` that is kept as long as no creative is edited."""
    rows = np.argsort(creatives.rows["campaign"], kind="stable").astype(np.int32)
    in_order = Rows(creatives.rows["id"], np.arange(len(creatives), dtype=np.int32))
    arrays = {f"creatives.{name}": column for name, column in creatives.rows.items() if not name.startswith("lengths.")}
    shortest = {}
    for unit in UNITS:
        all_, places = placed(words.lengths[unit].words, creatives.rows[f"lengths.{unit}"])
        arrays |= {f"all_lengths.{unit}": all_, f"lengths.{unit}": places}
        shortest[unit] = places.min(axis=1) if places.size else np.empty(0, places.dtype)
    arrays |= _word_arrays("categories", creatives.tables["categories"], in_order, len(creatives))
    arrays["creatives.weight"] = _single(creatives.rows["weight"])
    campaigns = creatives.rows["campaign"][rows]
    return OfCreatives(arrays=_narrowed(arrays), rows=rows, campaigns=campaigns, shortest=shortest)


class Rows:
    """From ids to rows, for many at once."""

    def __init__(self, ids: Array, rows: Array) -> None:
        """ids: ascending."""
        self._ids, self._rows = ids, rows

    def of(self, ids: Array) -> Array:
        found: Array = self._rows[np.searchsorted(self._ids, ids)]
        return found


def narrow(column: Array, kinds: Sequence[type[np.integer[Any]]] = SIGNED) -> Array:
    """With the first of `kinds` that holds all of it."""
    least, most = (int(column.min()), int(column.max())) if column.size else (0, 0)
    kind = next(kind for kind in kinds if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max)
    return column.astype(kind, copy=False)


def _single(weights: NDArray[np.float64]) -> Array:
    """In 32 bits if that is exact, as it is for 1, 2 and 2.5; only what is weighted is worked out with them."""
    short = weights.astype(np.float32)
    return short if np.array_equal(short, weights) else weights


def _narrowed(arrays: dict[str, Array]) -> dict[str, Array]:
    """Ids of flights stay as they are: they are few, and what is made of them counts in 64 bits."""
    for name in NARROW:
        if name in arrays:
            arrays[name] = narrow(arrays[name], IDS)
    for name, column in arrays.items():
        if name.endswith((".begins", ".sizes")):
            arrays[name] = narrow(column, OFFSETS)
    return arrays


def _candidate_arrays(arrays: Mapping[str, Array], creatives: OfCreatives) -> dict[str, Array]:
    """One candidate for each flight and each creative of its campaign.

    Of what they share with their flight those columns are written out that a page reads of each line it looks at.
    """
    wanted = arrays["flights.campaign"]
    begins = np.searchsorted(creatives.campaigns, wanted, "left")
    counts = np.searchsorted(creatives.campaigns, wanted, "right") - begins
    first = np.append(0, np.cumsum(counts)).astype(np.int64)
    flight_row = np.repeat(np.arange(wanted.size, dtype=np.int32), counts)
    creative_row = creatives.rows[np.repeat(begins - first[:-1], counts) + np.arange(first[-1])]
    weighted = arrays["flights.weighted"]
    weight = np.broadcast_to(1.0, creative_row.shape)
    if weighted.any():
        weight = np.where(weighted[flight_row], arrays["creatives.weight"][creative_row], weight)
    return {
        "candidates.first": first,
        "candidates.flight_row": flight_row,
        "candidates.creative_row": creative_row,
        "candidates.creative_weight": weight,
        "candidates.advertiser": narrow(arrays["flights.advertiser"], IDS)[flight_row],
        **{
            f"candidates.{name}": arrays[f"flights.{name}"][flight_row] for name in ("house", "whole_page", "companion")
        },
        **_in_categories(arrays, creative_row),
    }


def _in_categories(arrays: Mapping[str, Array], creative_row: NDArray[np.int32]) -> dict[str, Array]:
    """The candidates of each category that any creative names, one after another."""
    firsts = arrays["categories.firsts"]
    counts = np.diff(firsts)[creative_row]
    rows = np.repeat(np.arange(creative_row.size, dtype=np.int32), counts)
    at = np.repeat(firsts[creative_row] - (np.cumsum(counts) - counts), counts) + np.arange(rows.size)
    numbers = arrays["categories.words"][at]
    order = np.lexsort((rows, numbers))
    ids, begins = np.unique(numbers[order], return_index=True)
    return {
        "in_category.ids": ids,
        "in_category.firsts": np.append(begins, rows.size),
        "in_category.rows": rows[order],
    }


def _shortest(arrays: Mapping[str, Array], creatives: OfCreatives) -> dict[str, Array]:
    """Of each flight the shortest line of all its creatives."""
    first, creative_row = arrays["candidates.first"], arrays["candidates.creative_row"]
    some = np.flatnonzero(np.diff(first))
    found = {}
    for unit in UNITS:
        places = creatives.shortest[unit]
        shortest = np.full(first.size - 1, arrays[f"all_lengths.{unit}"].size, places.dtype)
        if some.size:
            shortest[some] = np.minimum.reduceat(places[creative_row], first[:-1][some])
        found[f"shortest.{unit}"] = shortest
    return found


def _blackout_arrays(table: Table, rows: Rows) -> dict[str, Array]:
    at = rows.of(table["owner"])
    order = np.lexsort((table["from_s"], at))
    return {
        "blackouts.row": at[order],
        "blackouts.from_s": table["from_s"][order],
        "blackouts.to_s": table["to_s"][order],
    }


def _word_arrays(name: str, table: Table, rows: Rows, number: int) -> dict[str, Array]:
    """As `sparse.Words` takes them."""
    at = rows.of(table["owner"])
    order = np.argsort(at, kind="stable")
    firsts = np.searchsorted(at[order], np.arange(number + 1))
    return {f"{name}.firsts": firsts.astype(np.int32), f"{name}.words": table["word"][order].astype(np.int32)}


def _bounds(arrays: Mapping[str, Array]) -> NDArray[np.int64]:
    names = ("flights.starts_at_s", "flights.ends_at_s", "blackouts.from_s", "blackouts.to_s")
    return np.unique(np.concatenate([arrays[name].astype(np.int64) for name in names]))


def _admission_arrays(
    row: Dimension, flights: Columns, words: Sequence[str], rows: Rows, values: dict[str, Any]
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
