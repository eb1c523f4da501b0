"""Schedules follow the pages that are expected, learned from few counts or many."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.catalog.nouns import Blackout, Facts, Flight, Goal, Targeting, Unit
from adengine.pacing.forecast import (
    HOUR_S,
    HOURS,
    MONDAY_S,
    Traffic,
    open_hours,
    prior,
    profiles_of,
    requests_of,
    seen_hours,
)
from adengine.pacing.schedule import LOOK_MAX_S, Schedule, is_scheduled
from tests.builders import DAY_S, NOW_S, a_flight, among

WEEK_S = HOURS * HOUR_S
FLAT = np.ones((1, HOURS))
NOTHING_SEEN = Traffic(spots=(), since_s=NOW_S, until_s=NOW_S)


def booked(goal: int = 1000, **fields: Any) -> Flight:
    return a_flight(
        **{
            "goal": Goal(unit=Unit.IMPRESSIONS, amount=goal),
            "starts_at_s": NOW_S,
            "ends_at_s": NOW_S + 10 * DAY_S,
        }
        | fields
    )


def test_flat_traffic_makes_a_straight_line_a_little_ahead() -> None:
    schedule = Schedule([booked()], FLAT)
    assert schedule.at(NOW_S)[0] == 0 == schedule.at(NOW_S - DAY_S)[0]
    assert schedule.at(NOW_S + 5 * DAY_S)[0] == pytest.approx(500 * 1.025, rel=0.005)
    assert schedule.at(NOW_S + 10 * DAY_S)[0] == 1000 == schedule.at(NOW_S + 99 * DAY_S)[0]
    front = Schedule([booked(pacing="front")], FLAT)
    assert front.at(NOW_S + 5 * DAY_S)[0] == pytest.approx(500 * 1.125, rel=0.005)


@pytest.mark.parametrize(
    ("goal", "length_s", "before_s"),
    [
        (10**6, 10 * DAY_S, 600),
        (10**6, 5 * HOUR_S, 360),
        (1000, 10 * DAY_S, 5 * 864),
        (117, 3 * DAY_S, 5 * 3 * DAY_S // 117 + 1),
        (3, 3 * DAY_S, 3 * DAY_S // 20),
    ],
)
def test_a_goal_is_due_so_early_that_its_last_pages_may_stay_away(goal: int, length_s: int, before_s: int) -> None:
    schedule = Schedule([booked(goal, ends_at_s=NOW_S + length_s)], FLAT)
    assert schedule.at(NOW_S + length_s - before_s - 2)[0] < goal == schedule.at(NOW_S + length_s - before_s + 2)[0]


def test_a_look_is_an_eighth_of_a_short_flight_and_half_a_day_of_a_long_one() -> None:
    short, long = booked(ends_at_s=NOW_S + 8 * HOUR_S), booked(ends_at_s=NOW_S + 90 * DAY_S)
    assert Schedule([short, long], np.ones((2, HOURS))).look_s.tolist() == [HOUR_S, LOOK_MAX_S]


def test_nothing_is_due_in_a_blackout_and_the_rest_makes_up_for_it() -> None:
    dark = (Blackout(from_s=NOW_S + 2 * DAY_S, to_s=NOW_S + 4 * DAY_S), Blackout(from_s=0, to_s=NOW_S))
    schedule = Schedule([booked(blackouts=dark)], FLAT)
    assert schedule.at(NOW_S + 2 * DAY_S)[0] == schedule.at(NOW_S + 4 * DAY_S)[0]
    assert schedule.requests(NOW_S + 10 * DAY_S)[0] == pytest.approx(8 * 24)


def test_a_flight_that_is_dark_all_the_time_is_due_at_once() -> None:
    schedule = Schedule([booked(blackouts=(Blackout(from_s=0, to_s=2**32),))], FLAT)
    assert schedule.at(NOW_S + 1)[0] == 1000


def test_what_two_blackouts_cover_is_dark_once() -> None:
    days = [(2, 4), (3, 5), (3, 4), (5, 6), (2, 4)]
    dark = tuple(Blackout(from_s=NOW_S + since * DAY_S, to_s=NOW_S + until * DAY_S) for since, until in days)
    once = (Blackout(from_s=NOW_S + 2 * DAY_S, to_s=NOW_S + 6 * DAY_S),)
    overlapping, plain = (Schedule([booked(blackouts=spans)], FLAT) for spans in (dark, once))
    for day in range(11):
        assert overlapping.at(NOW_S + day * DAY_S)[0] == pytest.approx(plain.at(NOW_S + day * DAY_S)[0])


@given(
    hours=st.lists(st.floats(0, 100), min_size=HOURS, max_size=HOURS).filter(any),
    start=st.integers(0, 10**9),
    length=st.integers(60, 10**7),
    moments=st.lists(st.integers(0, 10**7), min_size=2, max_size=8).map(sorted),
)
@settings(max_examples=200, deadline=None)
def test_a_schedule_rises_from_nothing_to_the_goal(
    hours: list[float], start: int, length: int, moments: list[int]
) -> None:
    schedule = Schedule([booked(starts_at_s=start, ends_at_s=start + length)], np.array([hours]))
    due = [schedule.at(start + moment)[0] for moment in moments]
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(due))
    assert all(0 <= n <= 1000 for n in due)
    assert schedule.at(start + length)[0] == pytest.approx(1000)


def test_requests_are_counted_hour_by_hour() -> None:
    """Against adding up seconds, over a week's turn."""
    profile = np.arange(HOURS, dtype=np.float64)
    since = MONDAY_S + 2900 * WEEK_S + 166 * HOUR_S + 1800
    schedule = Schedule([booked(starts_at_s=since, ends_at_s=since + 4 * HOUR_S)], profile[None])
    expected = sum(profile[(since - MONDAY_S + second) // HOUR_S % HOURS] / HOUR_S for second in range(3 * HOUR_S))
    assert schedule.requests(since + 3 * HOUR_S)[0] == pytest.approx(expected, rel=1e-6)


def test_what_is_spread_over_time() -> None:
    assert is_scheduled(booked())
    assert not is_scheduled(booked(pacing="asap"))
    assert not is_scheduled(booked(ends_at_s=None))
    assert not is_scheduled(a_flight(daily_limit=5))
    assert not is_scheduled(booked(0)), "money that pays for none"


def facts(place: int = 1, slot: str = "top") -> Facts:
    return Facts(slot=slot, position="header", places=(place,))


def test_on_the_first_day_an_evening_is_expected_to_be_busier_than_a_night() -> None:
    shape = profiles_of([booked()], NOTHING_SEEN, "America/Chicago")[0]
    assert shape.mean() == pytest.approx(1)
    monday_utc = {local: (local + 5) % 24 for local in (3, 20)}  # Chicago is five hours behind in September
    assert shape[24 + monday_utc[20]] > 5 * shape[24 + monday_utc[3]]
    assert prior("UTC")[20] == prior("America/Chicago")[25]


def test_what_was_seen_often_outweighs_the_prior_and_what_was_not_seen_does_not_count_as_nothing() -> None:
    """Three days seen, with nothing but one busy hour a day: other days are expected to be as usual."""
    monday = MONDAY_S + 2900 * WEEK_S
    counts = {day * 24 + 10: 2400 for day in range(3)}
    traffic = Traffic(spots=[(facts(), counts)], since_s=monday, until_s=monday + 3 * DAY_S)
    profile = profiles_of([booked()], traffic, "UTC")[0]
    assert profile[10] == pytest.approx(2400, rel=0.15), "twenty counts weigh as much as the prior"
    assert profile[11] < 20 + 1
    assert profile[4 * 24 : 5 * 24].sum() == pytest.approx(2400, rel=0.05), "a day that has not come yet"


def test_a_flight_learns_from_the_pages_that_its_targeting_admits() -> None:
    here, there = Targeting(places=among("1")), Targeting(places=among("2"))
    spots = [(facts(1), {5: 70}), (facts(2), {6: 30}), (facts(2, slot="rail"), {6: 7})]
    flights = [
        booked(targeting=here),
        booked(targeting=there),
        booked(),
        booked(targeting=Targeting(slots=among("rail"))),
    ]
    found = requests_of(flights, spots)
    assert [[row[5], row[6]] for row in found] == [[70, 0], [0, 37], [70, 37], [0, 7]]


def test_hours_that_a_flight_shuts_bring_it_nothing() -> None:
    morning = booked(targeting=Targeting(further={"dayparts": among("06:00-07:30"), "weekdays": among("mon")}))
    hours = open_hours([morning, booked()], "UTC", NOW_S)
    assert {hour: part for hour, part in enumerate(hours[0]) if part} == {6: 1.0, 7: 0.5}
    assert hours[1].all()
    five_minutes = booked(targeting=Targeting(further={"dayparts": among("06:01-06:06")}))
    assert profiles_of([five_minutes], NOTHING_SEEN, "UTC")[0].any(), "too short to see, and still due some time"


@pytest.mark.parametrize(
    ("now", "hours_utc"),
    [
        ("2026-07-01T12:00:00+00:00", {day * 24 + 22 for day in range(7)}),
        ("2026-12-01T12:00:00+00:00", {day * 24 + 23 for day in range(7)}),
        # Clocks are put back early on Sunday, 1 November: from then on five in the afternoon is 23:00 UTC.
        ("2026-10-29T12:00:00+00:00", {day * 24 + (22 if day in (3, 4, 5) else 23) for day in range(7)}),
    ],
)
def test_a_daypart_brings_its_pages_on_the_clocks_of_the_season(now: str, hours_utc: set[int]) -> None:
    now_s = int(datetime.fromisoformat(now).timestamp())
    evening = booked(targeting=Targeting(further={"dayparts": among("17:00-18:00")}))
    traffic = replace(NOTHING_SEEN, since_s=now_s, until_s=now_s)
    profile = profiles_of([evening], traffic, "America/Chicago")[0]
    assert set(np.flatnonzero(profile).tolist()) == hours_utc


def test_hours_of_the_week_are_counted_as_they_pass() -> None:
    monday = MONDAY_S + 2900 * WEEK_S
    assert seen_hours(monday, monday + 2 * WEEK_S).tolist() == [2.0] * HOURS
    part = seen_hours(monday + HOUR_S // 2, monday + 2 * HOUR_S)
    assert part[:3].tolist() == [0.5, 1.0, 0.0] and part.sum() == 1.5
    assert seen_hours(monday, monday).sum() == 0
