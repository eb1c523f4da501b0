"""What a flight has left, by its goal, its day and its money."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adengine.catalog.nouns import Goal, Price, Unit
from adengine.pacing.book import book_of, delivered, is_reached, leasable, left, sheet_of
from adengine.pacing.load import Total, Totals
from adengine.pacing.sheet import BEGUN, NO_LIMIT, OPEN, REACHED, Sheet
from tests.builders import a_flight

IMPRESSIONS, CLICKS = Goal(unit=Unit.IMPRESSIONS, amount=100), Goal(unit=Unit.CLICKS, amount=10)
TOTAL = Total(fills=90, impressions=60, clicks=4, today=15, spent=7)


@pytest.mark.parametrize(
    ("fields", "remains"),
    [
        ({}, NO_LIMIT),
        ({"goal": IMPRESSIONS}, 40),
        ({"goal": CLICKS}, NO_LIMIT),
        ({"daily_limit": 20}, 5),
        ({"goal": IMPRESSIONS, "daily_limit": 20}, 5),
        ({"goal": IMPRESSIONS, "daily_limit": 200}, 40),
        ({"goal": CLICKS, "daily_limit": 10}, 0),
        ({"goal": Goal(unit=Unit.SPEND, amount=1_000_000), "price": Price(model="cpm", micros=12_500_000)}, 20),
        ({"goal": Goal(unit=Unit.SPEND, amount=1_000_000), "price": Price(model="cpc", micros=250_000)}, NO_LIMIT),
    ],
)
def test_what_remains_is_the_least_of_goal_and_day(fields: dict[str, Any], remains: int) -> None:
    flight = a_flight(**fields)
    assert left(flight, TOTAL) == remains
    assert leasable(flight, TOTAL) == (remains + 7 if remains > 0 else remains)


def test_clicks_are_reached_by_clicks_and_money_by_what_it_pays_in_full() -> None:
    assert not is_reached(a_flight(goal=CLICKS), TOTAL)
    assert is_reached(a_flight(goal=CLICKS), Total(clicks=10))
    money = a_flight(goal=Goal(unit=Unit.SPEND, amount=999_999), price=Price(model="cpc", micros=250_000))
    assert delivered(money, TOTAL) == 4 and is_reached(money, Total(clicks=3))
    assert is_reached(a_flight(goal=IMPRESSIONS), Total(impressions=101))
    assert is_reached(a_flight(daily_limit=15), TOTAL)
    assert not is_reached(a_flight(), TOTAL)


def test_a_sheet_tells_of_every_flight_that_has_a_goal_or_a_limit() -> None:
    flights = [a_flight(4, goal=IMPRESSIONS), a_flight(2, daily_limit=15), a_flight(3), a_flight(1, goal=CLICKS),
               a_flight(5, goal=Goal(unit=Unit.SHARE, amount=0.5))]  # fmt: skip
    book = book_of(flights)
    assert book.ids.tolist() == [1, 2, 4]
    totals = Totals(tau_s=77, by_flight={2: TOTAL, 4: Total()})
    gate = np.array([True, True, False])
    sheet = sheet_of(
        book, totals, number=3, at_s=80.0, score=np.array([1.0, np.nan, 2.0]), strength=np.zeros(3), gate=gate
    )
    assert sheet.flags.tolist() == [OPEN, REACHED | BEGUN, 0]
    assert sheet.left.tolist() == [NO_LIMIT, 0, 100]
    read = Sheet.from_bytes(sheet.to_bytes())
    assert read.tau_s == 77 and read.flags.tolist() == sheet.flags.tolist()
    assert read.rows_of(np.array([4, 3, 1])).tolist() == [2, -1, 0]


@pytest.mark.parametrize("text", [b"", b"pace", b"x" * 200])
def test_what_is_no_sheet_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="sheet"):
        Sheet.from_bytes(text)


def test_a_sheet_that_is_cut_off_is_refused() -> None:
    whole = sheet_of(
        book_of([a_flight(1, goal=CLICKS)]), Totals(tau_s=1, by_flight={}), number=1, at_s=1.0, score=np.ones(1),
        strength=np.ones(1), gate=np.ones(1, bool),
    ).to_bytes()  # fmt: skip
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="sheet"):
            Sheet.from_bytes(whole[:length])
