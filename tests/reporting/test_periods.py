"""Periods by name: whole local days, in every zone, on days of 23 and 25 hours too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine.reporting.periods import BY_NAME, PERIODS, bounds_s, midnight_s
from adengine.reporting.saved.schedule import BACKOFF_S, next_at_s, next_try_s

CHICAGO = ZoneInfo("America/Chicago")
WEDNESDAY = datetime(2025, 9, 10, 3, 0, tzinfo=UTC)
"""Still Tuesday in Chicago."""


def days(name: str) -> tuple[str, str]:
    bounds = bounds_s(BY_NAME[name], CHICAGO, int(WEDNESDAY.timestamp()))
    first, behind = (datetime.fromtimestamp(at_s, CHICAGO).strftime("%m-%d %H:%M") for at_s in bounds)
    return first, behind


@pytest.mark.parametrize(
    ("name", "first", "behind"),
    [
        ("today", "09-09 00:00", "09-10 00:00"),
        ("yesterday", "09-08 00:00", "09-09 00:00"),
        ("last_7_days", "09-02 00:00", "09-09 00:00"),
        ("last_30_days", "08-10 00:00", "09-09 00:00"),
        ("this_week", "09-08 00:00", "09-10 00:00"),
        ("last_week", "09-01 00:00", "09-08 00:00"),
        ("this_month", "09-01 00:00", "09-10 00:00"),
        ("last_month", "08-01 00:00", "09-01 00:00"),
    ],
)
def test_a_name_means_whole_days_there(name: str, first: str, behind: str) -> None:
    assert days(name) == (first, behind)


def test_each_name_is_tried() -> None:
    assert len(PERIODS) == 8


@given(
    st.sampled_from(sorted(available_timezones())), st.integers(0, 2**31), st.sampled_from(["00:00", "02:30", "23:59"])
)
def test_the_next_time_is_the_first_one_of_that_clock_behind(zone_name: str, now_s: int, at: str) -> None:
    zone = ZoneInfo(zone_name)
    due_s = next_at_s({"every": "day", "at": at}, zone, now_s)
    assert now_s < due_s <= now_s + 2 * 86_400
    again_s = next_at_s({"every": "day", "at": at}, zone, due_s)
    gap = datetime.fromtimestamp(again_s, zone).date() - datetime.fromtimestamp(due_s, zone).date()
    assert gap <= timedelta(days=2)


@pytest.mark.parametrize(
    ("every", "expected"), [("day", "2025-09-10 06:00"), ("week", "2025-09-15 06:00"), ("month", "2025-10-01 06:00")]
)
def test_weeks_begin_on_mondays_and_months_on_the_first(every: str, expected: str) -> None:
    due_s = next_at_s({"every": every, "at": "06:00"}, CHICAGO, int(WEDNESDAY.timestamp()))
    assert datetime.fromtimestamp(due_s, CHICAGO).strftime("%Y-%m-%d %H:%M") == expected


def test_what_fails_is_tried_again_ever_more_seldom_and_given_up_at_last() -> None:
    tries = [next_try_s(attempts, 0) for attempts in range(1, len(BACKOFF_S) + 2)]
    assert tries == [*BACKOFF_S, None]
    assert list(BACKOFF_S) == sorted(BACKOFF_S)


def test_midnight_that_is_left_out_is_the_first_moment_of_the_day() -> None:
    sao_paulo = ZoneInfo("America/Sao_Paulo")
    at = datetime.fromtimestamp(midnight_s(datetime(2018, 11, 4).date(), sao_paulo), sao_paulo)
    assert (at.day, at.hour) == (4, 1)
