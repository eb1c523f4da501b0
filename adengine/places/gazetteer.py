"""Text, ZIP, fields or coordinates -> a place of the tree country > region > county > city. Exact or refused.

Pure and immutable; `load` maps the data. What a text can mean is told in `reading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adengine.places.columns import Array
from adengine.places.nearest import Towns
from adengine.places.nouns import Place, Resolution, Status
from adengine.places.query import NAMES, POINT, Query, is_degree
from adengine.places.reading import Reading
from adengine.places.table import Rows, Table


class Gazetteer:
    """columns, about: as `columns.opened` gives them."""

    def __init__(self, columns: Mapping[str, Array], about: Mapping[str, Any]) -> None:
        self._table = Table(columns, about)
        self._towns = Towns(columns)
        self._reading = Reading(self._table)
        self.counts: Mapping[str, int] = about["counts"]
        """Places by kind, ZIPs ("postal") and spellings."""
        self.sources: Mapping[str, str] = about["sources"]
        """Package -> version the data was built from."""

    def __len__(self) -> int:
        return len(self._table)

    def resolve(self, query: Query) -> Resolution:
        """What a place sent by a page or an advertiser means.

        Never raises for a well-formed query (`query.mistakes`); a malformed field counts as absent.
        """
        if isinstance(query, str):
            return self._resolution(self._reading.text(query))
        names = {name: value for name in NAMES if isinstance(value := query.get(name), str)}
        if any(value.strip() for value in names.values()):
            return self._resolution(self._reading.fields(names))
        lat, lon = (query.get(name) for name in POINT)
        if not (is_degree("lat", lat) and is_degree("lon", lon)):
            return self._resolution([])
        row = self._towns.nearest(lat, lon)  # type: ignore[arg-type]
        return self._resolution([] if row is None else [row])

    def nearest(self, lat: float, lon: float) -> Place | None:
        """The town nearest to a point in degrees; None with none within `nearest.REACH_KM`."""
        row = self._towns.nearest(lat, lon)
        return None if row is None else self._table.place(row)

    def place(self, id_: int) -> Place | None:
        row = self._table.row_of(id_)
        return None if row is None else self._table.place(row)

    def ancestors(self, id_: int) -> tuple[int, ...]:
        """Ids from the place itself up to its country; empty for an unknown id."""
        row = self._table.row_of(id_)
        return () if row is None else tuple(map(self._table.id_of, self._table.lineage(row)))

    def _resolution(self, rows: list[int]) -> Resolution:
        if not rows:
            return Resolution(status=Status.UNKNOWN)
        if len(rows) == 1:
            return Resolution(status=Status.EXACT, place=self._table.place(rows[0]))
        # Of equal towns the order is that of their ids, the same in every process.
        ordered = sorted(rows, key=lambda row: (-self._table.population[row], row))
        return Resolution(status=Status.AMBIGUOUS, candidates=Rows(self._table, ordered))
