"""The catalogue as columns: what a snapshot is put together from, and what an edit changes. Pure.

Making columns of a noun takes a look at each of its fields; putting a snapshot together from columns takes numpy only.
So an edit makes columns of what it edited, and `replaced` puts them in the place of what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from adengine.catalog.dimensions import Dimension
from adengine.catalog.lengths import NO_LINE
from adengine.catalog.nouns import Creative, Flight, Roadblock, Rotation, Tier, Variant, Without
from adengine.texts import FONT_CLASSES

CHARS = "chars"
UNITS = (*FONT_CLASSES, CHARS)
FOREVER_S = 2**62
RANKS_PER_TIER = 32
"""rank = tier * 32 + 2 * priority, + 1 without a goal, so that one number orders all three; priorities run 1..10.
Goals that are paced stand before all priorities of their tier, as one class."""
Array = NDArray[Any]
Sides = tuple[str, str]
INCLUDE, EXCLUDE = "include", "exclude"


W = TypeVar("W", str, float)


class Numbered(Generic[W]):
    """Words or lengths -> numbers, given out in the order in which they are met. Only grows."""

    def __init__(self) -> None:
        self.words: list[W] = []
        self._numbers: dict[W, int] = {}

    def __getitem__(self, word: W) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self.words)
            self.words.append(word)
        return number


class Vocabulary:
    """The words of all columns of one catalogue."""

    def __init__(self) -> None:
        self.windows = Numbered[str]()
        self.labels = Numbered[str]()
        self.categories = Numbered[str]()
        self.lengths = {unit: Numbered[float]() for unit in UNITS}
        """Of lines."""
        self.values: dict[str, Numbered[str]] = {}
        """By dimension."""

    def of_dimension(self, name: str) -> Numbered[str]:
        return self.values.setdefault(name, Numbered())


Table = Mapping[str, Array]
"""Columns of one length; `owner` is the id of the flight or creative that a row belongs to."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Of flights or of creatives: one row for each by rising id, and tables with any number of rows for each."""

    rows: Table
    """Among them `id`."""
    tables: Mapping[str, Table] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.rows["id"].shape[0])

    def replaced(self, gone: Collection[int], new: Sequence[Columns], by: str = "id") -> Columns:
        """Without what belongs to `gone` (ids, in the column `by`), with all of `new`; itself if both are empty."""
        if not gone and not any(map(len, new)):
            return self
        ids = np.array(sorted(gone), np.int64)
        rows = _joined(_without(self.rows, by, ids), [of.rows for of in new])
        order = np.argsort(rows["id"], kind="stable")
        return Columns(
            {name: column[order] for name, column in rows.items()},
            {
                name: _joined(_without(table, "owner", ids), [of.tables[name] for of in new])
                for name, table in self.tables.items()
            },
        )


def flight_columns(flights: Sequence[Flight], words: Vocabulary, dimensions: Sequence[Dimension]) -> Columns:
    """flights: in any order, each once."""
    flights = sorted(flights, key=lambda flight: flight.id)
    column = _columns_of(flights)
    rows = {
        "id": column(lambda f: f.id, np.int64),
        "campaign": column(lambda f: f.campaign, np.int64),
        "advertiser": column(lambda f: f.advertiser, np.int64),
        "rank": column(rank_of, np.int16),
        "house": column(lambda f: f.tier is Tier.HOUSE, bool),
        "weight": column(lambda f: f.weight, np.float64),
        "starts_at_s": column(lambda f: f.starts_at_s, np.int64),
        "ends_at_s": column(lambda f: FOREVER_S if f.runs_until_s is None else f.runs_until_s, np.int64),
        "skips_without_reader": column(lambda f: f.without_reader is Without.SKIP, bool),
        "skips_on_outage": column(lambda f: f.cap_on_outage is Without.SKIP, bool),
        "whole_page": column(lambda f: f.roadblock is Roadblock.ALL, bool),
        "companion": column(lambda f: f.roadblock is Roadblock.COMPANION, bool),
        "weighted": column(lambda f: f.rotation is Rotation.WEIGHTED, bool),
        "sequential": column(lambda f: f.rotation is Rotation.SEQUENTIAL, bool),
        "optimised": column(lambda f: f.rotation is Rotation.OPTIMISE, bool),
        "budgeted": column(lambda f: f.is_budgeted, bool),
        "paced": column(lambda f: f.goal is not None or f.daily_limit is not None, bool),
        "share": column(lambda f: np.nan if f.share is None else f.share, np.float64),
    }
    tables = {
        "caps": _table(
            ("level", "limit", "window"),
            ((f.id, int(cap.per), cap.limit, words.windows[cap.window]) for f in flights for cap in f.caps),
        ),
        "labels": _table(("word",), ((f.id, words.labels[label]) for f in flights for label in f.exclusions)),
        "blackouts": _table(
            ("from_s", "to_s"), ((f.id, span.from_s, span.to_s) for f in flights for span in f.blackouts)
        ),
    }
    for row in dimensions:
        tables |= _targets(flights, words.of_dimension(row.name), row)
    return Columns(rows, tables)


def creative_columns(creatives: Sequence[Creative], words: Vocabulary) -> Columns:
    """creatives: in any order, each once."""
    creatives = sorted(creatives, key=lambda creative: creative.id)
    column = _columns_of(creatives)
    rows = {
        "id": column(lambda c: c.id, np.int64),
        "campaign": column(lambda c: c.campaign, np.int64),
        "weight": column(lambda c: c.weight, np.float64),
        **{f"lengths.{unit}": _lengths(creatives, unit, words.lengths[unit]) for unit in UNITS},
    }
    named = ((c.id, words.categories[category]) for c in creatives for category in c.categories)
    return Columns(rows, {"categories": _table(("word",), named)})


def rank_of(flight: Flight) -> int:
    """What was promised a number comes before what takes its part of the rest.

    Among those that are paced priority is a price, not an order: it bounds how strongly one asks (`pacing.control`).
    With an order a flight of priority 8 has only what no other one wants, wherever that is, and a book that can be
    delivered is not. Sponsorships keep the order: shares have no price.
    """
    rank = flight.tier * RANKS_PER_TIER
    if flight.target is not None and flight.tier is not Tier.SPONSORSHIP:
        return int(rank)
    return rank + 2 * flight.priority + (flight.goal is None)


def with_blobs(columns: Columns, begins: Array, sizes: Array) -> Columns:
    """With where the bytes of each row lie."""
    return replace(columns, rows={**columns.rows, "begins": begins, "sizes": sizes})


T = TypeVar("T")


def _columns_of(nouns: Sequence[T]) -> Callable[[Callable[[T], Any], Any], Array]:
    return lambda get, kind: np.array([get(noun) for noun in nouns], kind)


def _table(names: Sequence[str], rows: Iterable[tuple[int, ...]]) -> Table:
    """rows: (owner, what `names` name)."""
    listed = np.array(list(rows), np.int64).reshape(-1, 1 + len(names))
    return {name: listed[:, at] for at, name in enumerate(("owner", *names))}


def _targets(flights: Sequence[Flight], words: Numbered[str], row: Dimension) -> dict[str, Table]:
    """What flights name in one dimension, and into how many parts they part what they include."""
    wanted = [row.wanted(flight.targeting) for flight in flights]
    part_of = row.part_of

    def side(name: str) -> Table:
        named = (
            (f.id, words[value]) for f, among in zip(flights, wanted, strict=True) for value in getattr(among, name)
        )
        return _table(("word",), named)

    several = (
        (flight.id, len(set(map(part_of, among.include))))
        for flight, among in zip(flights, wanted, strict=True)
        if part_of is not None and among.include
    )
    return {
        f"{INCLUDE}.{row.name}": side(INCLUDE),
        f"{EXCLUDE}.{row.name}": side(EXCLUDE),
        f"parts.{row.name}": _table(("n",), several),
    }


def _lengths(creatives: Sequence[Creative], unit: str, known: Numbered[float]) -> NDArray[np.int32]:
    """Numbers of lengths; shape (creatives, the most variants that one has), `NO_LINE` where one has fewer."""

    def number(variant: Variant) -> int:
        return known[float(variant.chars if unit == CHARS else variant.width_em[unit])]

    most = max((len(creative.variants) for creative in creatives), default=0)
    found = np.full((len(creatives), most), NO_LINE, np.int32)
    for row, creative in enumerate(creatives):
        found[row, : len(creative.variants)] = list(map(number, creative.variants))
    return found


def _without(table: Table, name: str, ids: Array) -> Table:
    if not ids.size:
        return table
    kept = ~np.isin(table[name], ids)
    return {column: values[kept] for column, values in table.items()}


def _joined(old: Table, new: Sequence[Table]) -> Table:
    return {name: np.concatenate(_as_wide([old[name], *(of[name] for of in new)])) for name in old}


def _as_wide(several: list[Array]) -> list[Array]:
    """Lengths of creatives, where one has more variants than others."""
    if several[0].ndim == 1:
        return several
    most = max(of.shape[1] for of in several)
    return [np.pad(of, ((0, 0), (0, most - of.shape[1])), constant_values=NO_LINE) for of in several]
