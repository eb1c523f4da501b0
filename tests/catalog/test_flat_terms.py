"""An edit of what a flat price is spread over puts aside what it was, because what has fallen due must not move."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from adengine.catalog.tables import flight_terms
from tests.catalog.desk import NOW_S, Desk

FLAT = {"model": "flat", "micros": 30_000_000}
CPM = {"model": "cpm", "micros": 5_000}
BOOKED = {"starts_at": "2025-09-01T00:00:00Z", "ends_at": "2025-10-01T00:00:00Z", "price": FLAT}


def put_aside(desk: Desk) -> list[tuple[Any, ...]]:
    with desk.engine.connect() as connection:
        rows = connection.execute(select(flight_terms).order_by(flight_terms.c.until_s)).all()
    return [(row.until_s, row.starts_at_s, row.ends_at_s, row.price) for row in rows]


def changed(desk: Desk, flight: dict[str, Any], **given: Any) -> None:
    answer = desk("PATCH", f"/v1/flights/{flight['id']}", given, If_Match="*")
    assert answer.status == 200, answer.body


BEGIN_S, END_S = NOW_S - 6 * 86_400, NOW_S + 24 * 86_400


@pytest.mark.parametrize(
    ("booked", "given", "kept"),
    [
        (FLAT, {"ends_at": "2025-12-01T00:00:00Z"}, [FLAT]),
        (FLAT, {"starts_at": "2025-09-10T00:00:00Z"}, [FLAT]),
        (FLAT, {"ends_at": None}, [FLAT]),
        (FLAT, {"price": FLAT | {"micros": 1}}, [FLAT]),
        (FLAT, {"price": CPM}, [FLAT]),
        (CPM, {"price": FLAT}, [CPM]),
        (FLAT, {"weight": 2}, []),
        (FLAT, {"price": FLAT}, []),
        (CPM, {"ends_at": "2025-12-01T00:00:00Z"}, []),
        (FLAT | {"micros": 0}, {"ends_at": "2025-12-01T00:00:00Z"}, []),
    ],
)
def test_what_was_agreed_on_is_kept_where_an_edit_moves_money(
    desk: Desk, booked: dict[str, Any], given: dict[str, Any], kept: list[dict[str, Any]]
) -> None:
    flight = desk.a_flight(**BOOKED | {"price": booked})
    changed(desk, flight, **given)
    assert put_aside(desk) == [(NOW_S, BEGIN_S, END_S, price) for price in kept]


def test_each_edit_has_a_row_of_its_own(sqlite_desk: Desk) -> None:
    flight = sqlite_desk.a_flight(**BOOKED)
    for number in range(3):
        sqlite_desk.now_s = NOW_S + number
        changed(sqlite_desk, flight, price=FLAT | {"micros": number})
    assert [(row[0] - NOW_S, row[3]["micros"]) for row in put_aside(sqlite_desk)] == [(0, 30_000_000), (1, 0), (2, 1)]
