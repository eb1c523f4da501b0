"""From a catalogue's arrays back to the columns that it was put together from: what a compiler starts again with. Pure.

`compile.arrays_of` sorts, groups and renumbers what columns say; nothing of it is lost. `tests/catalog/test_press.py`
holds a compiler that starts again after each edit to one that reads everything from the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from adengine.catalog.arrays import NARROW, OFFSETS, narrow
from adengine.catalog.columns import EXCLUDE, INCLUDE, UNITS, Array, Columns, Table, Vocabulary
from adengine.catalog.dimensions import Dimension
from adengine.catalog.lengths import numbers_of
from adengine.catalog.mapped import VERSIONS


def words_in(arrays: Mapping[str, Array], told: Mapping[str, Any]) -> Vocabulary:
    """In the numbers that arrays have."""
    words = Vocabulary()
    for numbered, known in ((words.windows, "windows"), (words.labels, "labels"), (words.categories, "categories")):
        for word in told[known]:
            numbered[word]  # numbers are given out in the order in which words are met
    for unit, lengths in words.lengths.items():
        for length in arrays[f"all_lengths.{unit}"].tolist():
            lengths[length]
    return words


def flights_in(
    arrays: Mapping[str, Array], told: Mapping[str, Any], words: Vocabulary, dimensions: Sequence[Dimension]
) -> Columns:
    """words: those of the catalogue; the values of dimensions are numbered anew."""
    row_of = arrays["flights.row_of"]
    ids = arrays["flights.id"]
    rows = {
        name.removeprefix("flights."): _widened(column[row_of], name)
        for name, column in arrays.items()
        if name.startswith("flights.") and name not in ("flights.by_id", "flights.row_of")
    }
    tables = {
        "caps": {name: arrays[f"caps.{name}"].astype(np.int64) for name in ("owner", "level", "limit", "window")},
        "labels": _words_of("labels", arrays, ids),
        "blackouts": {
            "owner": ids[arrays["blackouts.row"]],
            **{name: np.array(arrays[f"blackouts.{name}"]) for name in ("from_s", "to_s")},
        },
    }
    for row in dimensions:
        tables |= dict(_targets_of(row, arrays, told["values"][row.name], words, ids))
    return Columns(rows, tables)


def creatives_in(arrays: Mapping[str, Array]) -> Columns:
    ids = arrays["creatives.id"]
    rows = {
        name.removeprefix("creatives."): _widened(np.array(column), name)
        for name, column in arrays.items()
        if name.startswith("creatives.")
    }
    rows["weight"] = arrays["creatives.weight"].astype(np.float64)
    for unit in UNITS:
        rows[f"lengths.{unit}"] = numbers_of(arrays[f"all_lengths.{unit}"], arrays[f"lengths.{unit}"])
    return Columns(rows, {"categories": _words_of("categories", arrays, ids)})


def landings_in(arrays: Mapping[str, Array]) -> Columns:
    ids = np.array(arrays["landings.id"])
    archived_at_s = np.zeros(ids.size, np.int64)
    archived_at_s[arrays["landings.archived"]] = arrays["landings.archived_at_s"]
    return Columns(
        {
            "id": ids,
            "creative": ids // VERSIONS,
            "archived_at_s": archived_at_s,
            **{name: arrays[f"landings.{name}"].astype(np.int64) for name in ("begins", "sizes")},
        }
    )


def landing_arrays(landings: Columns) -> dict[str, Array]:
    """What `landings_in` takes; few creatives are archived."""
    archived = np.flatnonzero(landings.rows["archived_at_s"])
    return {
        "landings.id": landings.rows["id"],
        **{f"landings.{name}": narrow(landings.rows[name], OFFSETS) for name in ("begins", "sizes")},
        "landings.archived": archived,
        "landings.archived_at_s": landings.rows["archived_at_s"][archived],
    }


def _widened(column: Array, name: str) -> Array:
    """As columns have it, that may be joined by any others."""
    return column.astype(np.int64) if name in NARROW or name.endswith((".begins", ".sizes")) else column


def _words_of(name: str, arrays: Mapping[str, Array], ids: Array) -> Table:
    counts = np.diff(arrays[f"{name}.firsts"])
    return {"owner": np.repeat(ids, counts), "word": arrays[f"{name}.words"].astype(np.int64)}


def _targets_of(
    row: Dimension, arrays: Mapping[str, Array], values: Mapping[str, Sequence[str]], words: Vocabulary, ids: Array
) -> Iterator[tuple[str, Table]]:
    numbered = words.of_dimension(row.name)
    for side in (INCLUDE, EXCLUDE):
        numbers = np.array([numbered[value] for value in values[side]], np.int64)
        counts = np.diff(arrays[f"{side}.{row.name}.firsts"])
        owners = ids[arrays[f"{side}.{row.name}.rows"]]
        yield f"{side}.{row.name}", {"owner": owners, "word": np.repeat(numbers, counts)}
    parts = arrays[f"parts.{row.name}"]
    several = np.flatnonzero(parts) if row.part_of is not None else np.empty(0, np.int64)
    yield f"parts.{row.name}", {"owner": ids[several], "n": parts[several].astype(np.int64)}
