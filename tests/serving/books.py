"""Candidates of a page without a catalogue: one dict each."""

from __future__ import annotations

from typing import Any

import numpy as np

from adengine.catalog.snapshot import Candidates
from adengine.catalog.sparse import Words

HOUSE = 3
PLAIN = {
    "tier": 1,
    "priority": 5,
    "weight": 1.0,
    "creative_weight": 1.0,
    "roadblock": "none",
    "labels": (),
    "categories": (),
}


def a_book(*several: dict[str, Any]) -> Candidates:
    """Fields: those of `PLAIN`, and flight, creative and advertiser, which are numbered by default; all are optional.

    What belongs to a flight is said alike by all of its candidates.
    """
    rows = [PLAIN | {"flight": n, "creative": n, "advertiser": n} | given for n, given in enumerate(several)]
    assert [by_class(row) for row in rows] == sorted(by_class(row) for row in rows), "a snapshot has them in this order"
    flights = {row["flight"]: row for row in rows}

    def column(name: str, kind: type) -> np.ndarray:
        return np.array([row[name] for row in rows], kind)

    flight_row = np.unique(column("flight", np.int64), return_inverse=True)[1].astype(np.int32)
    return Candidates(
        flight_row=flight_row,
        creative_row=np.arange(len(rows), dtype=np.int32),
        rank=(column("tier", np.int16) * 16 + column("priority", np.int16)).astype(np.int16),
        house=column("tier", np.int64) == HOUSE,
        flight=column("flight", np.int64),
        creative=column("creative", np.int64),
        campaign=column("flight", np.int64),
        advertiser=column("advertiser", np.int64),
        flight_weight=column("weight", np.float64),
        creative_weight=column("creative_weight", np.float64),
        whole_page=column("roadblock", object) == "all",
        companion=column("roadblock", object) == "companion",
        first=np.searchsorted(flight_row, np.arange(len(flights) + 1)),
        labels=Words.of([flights[flight]["labels"] for flight in sorted(flights)]),
        categories=Words.of([row["categories"] for row in rows]),
    )


def by_class(row: dict[str, Any]) -> tuple[int, int]:
    return row.get("tier", PLAIN["tier"]), row.get("priority", PLAIN["priority"])


def everywhere(book: Candidates, slots: int = 1) -> list[np.ndarray]:
    return [np.arange(book.rank.size)] * slots
