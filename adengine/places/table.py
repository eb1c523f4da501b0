"""The gazetteer's columns as questions about places; a place is its row here.

Pure. Reads the mapped columns in place, so that a process holds no copy of them; what names mean to a reader is left to
`reading` and `choice`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from adengine.places.columns import CLASS_SHIFT, DEGREE, NO_DEGREES, NO_PARENT, Array
from adengine.places.nouns import Kind, Place

_KINDS = tuple(Kind)
COUNTRY, REGION, COUNTY, CITY = range(len(_KINDS))
Found = list[tuple[int, int]]
"""(row, class of the spelling that led to it: `columns.OWN`, `OTHER` or `CONTEXT_ONLY`)."""
KM_PER_DEGREE = 111.2
_ROW = (1 << CLASS_SHIFT) - 1


class Table:
    """columns: as `columns.opened` gives them."""

    def __init__(self, columns: Mapping[str, Array], about: Mapping[str, Any]) -> None:
        # A memoryview answers one number several times faster than an array does, and a method call costs as much
        # again: hence `kind` and `population`, by row, to be read only.
        self._ids, self._keys, self._meanings, self._parents, self.kind, self.population, self._zips = (
            columns[name].data for name in ("id", "key", "meaning", "parent", "kind", "population", "zip")
        )
        self._lat, self._lon, self._zone_at, self._name_at = (
            columns[name].data for name in ("lat", "lon", "zone", "name_at")
        )
        self._names = columns["names"].data
        self._zones: list[str] = about["zones"]

    def __len__(self) -> int:
        return len(self._ids)

    def row_of(self, id_: int) -> int | None:
        """The row of a place id; None for an id that is none (any whole number may be asked)."""
        row = bisect_left(self._ids, id_)
        return row if row < len(self._ids) and self._ids[row] == id_ else None

    def id_of(self, row: int) -> int:
        return int(self._ids[row])

    def meanings(self, key: int) -> Found:
        """Every place filed under a key of `names`."""
        at, found = bisect_left(self._keys, key), []
        while at < len(self._keys) and self._keys[at] == key:
            found.append((self._meanings[at] & _ROW, self._meanings[at] >> CLASS_SHIFT))
            at += 1
        return found if key else []

    def zip_town(self, code: str) -> int | None:
        """The row of the town of a US ZIP of five digits."""
        return int(self._zips[int(code)]) - 1 if self._zips[int(code)] else None

    def above(self, row: int) -> Iterator[int]:
        """The rows around a place, the nearest first; beyond a territory's country comes its sovereign."""
        while (row := self._parents[row]) != NO_PARENT:
            yield row

    def lies_in(self, row: int, areas: list[int]) -> bool:
        """Whether one of the areas, few, is around the place."""
        while (row := self._parents[row]) != NO_PARENT:
            if row in areas:
                return True
        return False

    def lineage(self, row: int) -> list[int]:
        """The place itself, then what is around it, up to its country."""
        rows = [row]
        while self.kind[rows[-1]] != COUNTRY:
            rows.append(self._parents[rows[-1]])
        return rows

    def code(self, row: int) -> str:
        """The ISO 3166 code of a country or region; empty for a place without one."""
        return self._text(row).partition("\t")[2]

    def are_within(self, km: float, row: int, other: int) -> bool:
        """Whether two places are this near, on a plane; False if we do not know where one of them is."""
        if NO_DEGREES in (self._lat[row], self._lat[other]):
            return False
        lat, lon, far_lat, far_lon = (degrees[at] / DEGREE for at in (row, other) for degrees in (self._lat, self._lon))
        return KM_PER_DEGREE * math.hypot(lat - far_lat, (lon - far_lon) * math.cos(math.radians(lat))) <= km

    def place(self, row: int) -> Place:
        chain = [self._text(above).partition("\t") for above in reversed(self.lineage(row))]
        known = self._lat[row] != NO_DEGREES
        return Place(
            id=self._ids[row],
            name=chain[-1][0],
            kind=_KINDS[self.kind[row]],
            path=tuple(code or name for name, _, code in chain),
            lat=self._lat[row] / DEGREE if known else None,
            lon=self._lon[row] / DEGREE if known else None,
            country=chain[0][2],
            timezone=self._zones[self._zone_at[row]] or None,
            population=self.population[row],
        )

    def _text(self, row: int) -> str:
        return str(self._names[self._name_at[row] : self._name_at[row + 1]], "utf-8")


class Rows(Sequence[Place]):
    """The places of some rows, each made when it is looked at: most callers only ask how many they are."""

    def __init__(self, table: Table, rows: Sequence[int]) -> None:
        self._table, self._rows = table, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Place: ...
    @overload
    def __getitem__(self, at: slice) -> Rows: ...
    def __getitem__(self, at: int | slice) -> Place | Rows:
        if isinstance(at, slice):
            return Rows(self._table, self._rows[at])
        return self._table.place(self._rows[at])
