"""Windows of caps: how they are spelled, and where calendar days begin when clocks change."""

import struct
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine.caps import windows
from adengine.caps.records import Seen

ZONES = (
    "UTC",
    "America/Chicago",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
    "Pacific/Apia",
)
DAY_S = 86_400


def at(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(("word", "seconds"), [("30m", 1800), ("24h", 86400), ("1d", 86400), ("90d", 7776000)])
def test_a_rolling_window_is_its_seconds(word: str, seconds: int) -> None:
    assert windows.wire(word, 0, ZoneInfo("UTC")) == windows.keeps_s(word) == seconds


@pytest.mark.parametrize("word", ["", "0d", "1", "d", "1.5h", "91d", "2161h", "-1d", "1w", "1 d", "1D", "٣d", "01h"])
def test_another_spelling_is_refused_with_a_sentence(word: str) -> None:
    with pytest.raises(ValueError, match=r"window"):
        windows.parse(word)


@pytest.mark.parametrize("word", windows.EXAMPLES)
def test_every_row_has_an_example_that_it_accepts(word: str) -> None:
    assert windows.parse(word) in windows.WINDOWS
    assert len({windows.parse(example).meaning for example in windows.EXAMPLES}) == len(windows.WINDOWS)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Chicago", "2026-03-08", 23),
        ("America/Chicago", "2026-11-01", 25),
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Asia/Kolkata", "2026-10-25", 24),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Africa/Cairo", "2026-04-24", 23),  # it has no midnight
        ("America/Havana", "2026-11-01", 25),  # it has two
    ],
)
def test_a_calendar_day_lasts_as_long_as_clocks_say(zone: str, day: str, hours: float) -> None:
    tz = ZoneInfo(zone)
    began = windows.day_began_s(at(f"{day}T12:00", zone), tz)
    following = windows.day_began_s(at(f"{day}T12:00", zone) + DAY_S, tz)
    assert following - began == hours * 3600


def test_week_begins_monday_in_the_sites_zone() -> None:
    chicago = ZoneInfo("America/Chicago")
    sunday_evening = at("2026-11-22T23:59:59", "America/Chicago")
    assert windows.wire("calendar_week", sunday_evening, chicago) == -at("2026-11-16T00:00", "America/Chicago")
    assert windows.wire("calendar_week", sunday_evening + 1, chicago) == -at("2026-11-23T00:00", "America/Chicago")
    assert windows.wire("calendar_week", sunday_evening + 1, ZoneInfo("Pacific/Honolulu")) == -at(
        "2026-11-16T00:00", "Pacific/Honolulu"
    )


@given(st.sampled_from(ZONES), st.integers(1_600_000_000, 2_000_000_000))
def test_a_calendar_day_contains_its_instant_and_the_log_reaches_back_to_it(zone: str, now_s: int) -> None:
    tz = ZoneInfo(zone)
    began = windows.day_began_s(now_s, tz)
    assert began <= now_s and now_s - began <= windows.keeps_s("calendar_day")
    first, last = datetime.fromtimestamp(began, tz), datetime.fromtimestamp(began - 1, tz)
    assert first.date() == datetime.fromtimestamp(now_s, tz).date() and last.date() == first.date() - timedelta(days=1)
    week = windows.week_began_s(now_s, tz)
    assert week <= began and now_s - week <= windows.keeps_s("calendar_week")
    assert datetime.fromtimestamp(week, tz).weekday() == 0


def test_a_day_that_begins_this_second_has_nothing_of_the_day_before() -> None:
    """A peek reads what the scripts count: from its first second on, and all that there is if it begins later still."""
    at_s = at("2026-03-29T00:00:00", "Europe/Berlin")
    log = struct.pack(">6I", at_s - 1, 1, 2, 3, 4, 1) + struct.pack(">6I", at_s, 1, 2, 3, 4, 1)
    seen = Seen.read(log, {}, now_s=at_s, view=0)
    assert [seen.count(1, 1, -since_s, 0) for since_s in (at_s - 1, at_s, at_s + 1)] == [2, 1, 2]
