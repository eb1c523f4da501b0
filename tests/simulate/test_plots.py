"""The page of plots says what the figures say."""

from __future__ import annotations

from typing import Any

from adengine.simulate.plots import areas_of, bars_of, rates_of


def a_flight(**fields: Any) -> dict[str, Any]:
    return {"name": "Sponsor", "impressions": 100, "ctr": 0.01, "expected_clicks": 2.0, "cap": None} | fields


def test_the_fill_rate_is_stacked_hour_by_hour() -> None:
    hours = [{"sponsored": 3, "house": 1, "empty": 0}, {"sponsored": 0, "house": 2, "empty": 2}]
    found = areas_of(hours)
    assert found["sponsored"] == "0.0,50.0 0.0,13.2 100.0,50.0 100.0,50.0"
    assert found["filled"] == "0.0,50.0 0.0,1.0 100.0,25.5 100.0,50.0"


def test_readers_beyond_a_cap_would_be_seen() -> None:
    found = bars_of(a_flight(cap={"limit": 2, "readers": {"1": 10, "2": 5, "4": 1}}))
    assert [bar.is_bad for bar in found.bars] == [False, False, True]
    assert [bar.height for bar in found.bars] == [49.0, 24.5, 4.9]
    assert "at most 2 a day" in found.caption and "1: 10, 2: 5, 4: 1" in found.caption
    assert bars_of(a_flight(cap={"limit": 2, "readers": {}})).bars == ()


def test_click_rates_stand_beside_what_they_were_worth() -> None:
    better, never = a_flight(ctr=0.04, expected_clicks=3.0), a_flight(impressions=0, ctr=None)
    first, second = rates_of([a_flight(), better, never])
    assert (first.bar, first.mark, second.bar, second.mark) == (25.0, 50.0, 100.0, 75.0)
    assert first.told == "1.00 %, worth 2.00 %"
