"""Weekdays and dayparts, on the clocks of the place, through the changes of clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine.catalog.nouns import Facts
from adengine.catalog.targets.hours import WEEKDAYS, accepted_daypart, holding_dayparts, is_timezone, weekday_of
from adengine.catalog.targets.refused import Refused

CHICAGO, KOLKATA = "America/Chicago", "Asia/Kolkata"


def at(utc: str, timezone: str = "UTC") -> Facts:
    return Facts(
        slot="s", position="p", now_s=int(datetime.fromisoformat(utc + "+00:00").timestamp()), timezone=timezone
    )


@pytest.mark.parametrize(
    ("utc", "timezone", "weekday"),
    [("2025-09-07T00:00", "UTC", "sun"), ("2025-09-07T00:00", CHICAGO, "sat"), ("2025-09-07T05:00", CHICAGO, "sun"),
     ("2025-09-07T18:29", KOLKATA, "sun"), ("2025-09-07T18:30", KOLKATA, "mon")],
)  # fmt: skip
def test_a_day_begins_at_midnight_of_the_place(utc: str, timezone: str, weekday: str) -> None:
    assert weekday_of(at(utc, timezone)) == (weekday,)
    assert len(set(WEEKDAYS)) == 7


@pytest.mark.parametrize(
    ("daypart", "first", "last", "after"),
    [("06:00-10:00", "06:00", "09:59", "10:00"), ("22:00-02:00", "22:00", "01:59", "02:00"),
     ("23:59-24:00", "23:59", "23:59", "00:00"), ("00:00-00:01", "00:00", "00:00", "00:01"),
     ("23:00-00:00", "23:00", "23:59", "00:00")],
)  # fmt: skip
def test_a_daypart_runs_from_its_first_minute_to_before_its_last(
    daypart: str, first: str, last: str, after: str
) -> None:
    held = holding_dayparts((daypart,))
    minutes = (datetime(2025, 9, 7) + timedelta(minutes=n) for n in range(24 * 60))
    inside = {f"{minute:%H:%M}" for minute in minutes if held(at(f"{minute:%Y-%m-%dT%H:%M}"))}
    assert {first, last} <= inside and after not in inside
    assert len(inside) == {"06:00-10:00": 240, "22:00-02:00": 240, "23:00-00:00": 60}.get(daypart, 1)


def test_the_whole_day_may_be_meant() -> None:
    held = holding_dayparts((accepted_daypart("00:00-24:00"),))
    assert all(held(at(f"2025-09-07T{hour:02}:59")) for hour in range(24))


@pytest.mark.parametrize(
    ("utc", "holds"),
    [("2025-03-09T07:59", True), ("2025-03-09T08:00", False),  # 01:59 CST, then clocks jump to 03:00 CDT
     ("2025-11-02T06:30", True), ("2025-11-02T07:30", True), ("2025-11-02T08:00", False),  # 01:30 CDT, 01:30 CST, 02:00
     ("2025-07-01T06:00", True), ("2025-01-01T06:00", False), ("2025-01-01T07:00", True)],
)  # fmt: skip
def test_clocks_that_change_are_followed(utc: str, holds: bool) -> None:
    assert bool(holding_dayparts(("01:00-02:00",))(at(utc, CHICAGO))) is holds


def test_a_part_that_is_skipped_by_the_clocks_never_comes_that_day() -> None:
    held = holding_dayparts(("02:00-03:00",))
    day = datetime(2025, 3, 9, 6)
    assert not any(held(at(f"{day + timedelta(minutes=n):%Y-%m-%dT%H:%M}", CHICAGO)) for n in range(24 * 60))


TIME = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda time: f"{time[0]:02}:{time[1]:02}")


@given(
    parts=st.lists(st.tuples(TIME, TIME).filter(lambda p: p[0] != p[1]), unique=True, max_size=5),
    now_s=st.integers(0, 2**32 - 1),
)
def test_matching_agrees_with_a_plain_reading_of_the_clock(parts: list[tuple[str, str]], now_s: int) -> None:
    spellings = tuple(map("-".join, parts))
    clock = datetime.fromtimestamp(now_s, ZoneInfo(CHICAGO)).strftime("%H:%M")
    plainly = {
        f"{first}-{last}"
        for first, last in parts
        if (first <= clock < last if first < last else clock >= first or clock < last)
    }
    assert set(holding_dayparts(spellings)(Facts(slot="s", position="p", now_s=now_s, timezone=CHICAGO))) == plainly


@pytest.mark.parametrize(
    "sent", ["6:00-10:00", "06:00", "06:00-25:00", "24:00-06:00", "06:60-07:00", "06:00-06:00", "06:00–10:00",
             "06:00-10:00\n", "", 5, None, ["06:00-10:00"]],
)  # fmt: skip
def test_what_is_no_daypart_is_refused(sent: Any) -> None:
    with pytest.raises(Refused):
        accepted_daypart(sent)


def test_a_time_zone_is_one_whose_clocks_we_know() -> None:
    known = available_timezones()
    assert CHICAGO in known and all(map(is_timezone, known))
    assert not any(map(is_timezone, ("Napakiak", "America/Nowhere", "", "../etc/passwd", "/", "\x00")))
