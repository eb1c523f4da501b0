"""What `GET /v1/flights/<id>/pacing` tells: schedule, band, state, and where a flight will end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adengine.catalog.nouns import AtEnd, Flight, Goal, Unit
from adengine.pacing.forecast import HOUR_S, HOURS
from adengine.pacing.load import Total
from adengine.pacing.progress import POINTS_MAX, State, progress
from tests.builders import DAY_S, NOW_S, a_flight

FLAT = np.full(HOURS, 100.0)
BOOKED = a_flight(
    goal=Goal(unit=Unit.IMPRESSIONS, amount=1000), starts_at_s=NOW_S - 5 * DAY_S, ends_at_s=NOW_S + 5 * DAY_S
)


def curve(flight: Flight, done: int, hours: int = 120) -> list[tuple[int, int, int]]:
    """`done` impressions evenly since its start, and a click for every ten."""
    each, extra = divmod(done, hours)
    return [(flight.starts_at_s + n * HOUR_S, each + (n < extra), (each + (n < extra)) // 10) for n in range(hours)]


def told(done: int, flight: Flight = BOOKED, now_s: int = NOW_S):
    return progress(flight, Total(impressions=done), curve(flight, done), FLAT, now_s)


@pytest.mark.parametrize(
    ("done", "state"),
    [
        (300, State.BEHIND),
        (500, State.ON_SCHEDULE),
        (540, State.ON_SCHEDULE),
        (700, State.AHEAD),
        (1000, State.REACHED),
    ],
)
def test_a_state_is_where_it_stands_in_its_band(done: int, state: State) -> None:
    found = told(done)
    assert found.state is state
    assert found.due == pytest.approx(512.5, rel=0.005)
    assert found.low is not None and found.high is not None and found.low < 500 < found.high < 600


def test_states_before_and_after() -> None:
    assert told(0, now_s=BOOKED.starts_at_s - 1).state is State.NOT_BEGUN
    assert told(300, now_s=BOOKED.ends_at_s or 0).state is State.ENDED
    goes_on = replace(BOOKED, at_end=AtEnd.EXTEND)
    assert told(300, goes_on, now_s=BOOKED.ends_at_s or 0).state is State.BEHIND
    assert told(300, replace(BOOKED, pacing="asap")).state is State.RUNNING
    assert told(300, a_flight(starts_at_s=NOW_S - DAY_S)).state is State.RUNNING


def test_a_projection_goes_on_with_the_last_days_rate() -> None:
    half = told(360)
    assert half.projected == pytest.approx(720)
    assert half.reaches_goal_at_s is None
    assert half.requests_left == pytest.approx(5 * 24 * 100)
    well = told(600)
    assert well.projected == 1000
    assert well.reaches_goal_at_s == pytest.approx(NOW_S + 400 / 600 * 5 * DAY_S, abs=4 * HOUR_S)


def test_a_flight_that_runs_on_is_projected_beyond_its_end() -> None:
    found = told(360, replace(BOOKED, at_end=AtEnd.EXTEND))
    assert found.projected == 1000
    assert found.reaches_goal_at_s == pytest.approx(NOW_S + 640 / 360 * 5 * DAY_S, abs=HOUR_S)


def test_nothing_is_projected_from_nothing() -> None:
    found = told(0, now_s=BOOKED.starts_at_s)
    assert (found.projected, found.reaches_goal_at_s) == (None, None)
    stood_still = told(0)
    assert (stood_still.projected, stood_still.reaches_goal_at_s) == (0, None)


def test_clicks_are_counted_where_the_goal_is_clicks() -> None:
    clicks = replace(BOOKED, goal=Goal(unit=Unit.CLICKS, amount=100))
    found = progress(clicks, Total(impressions=5000, clicks=40), curve(clicks, 6000), FLAT, NOW_S)
    assert found.delivered == 40 and found.due == pytest.approx(51.25, rel=0.06)
    assert next(point for point in reversed(found.points) if point.delivered is not None).delivered == 600


def test_points_run_from_start_to_end_and_are_not_too_many() -> None:
    found = told(500)
    assert found.points[0].at_s == BOOKED.starts_at_s and found.points[-1].at_s >= (BOOKED.ends_at_s or 0)
    assert len(found.points) <= POINTS_MAX
    assert found.points[0].delivered == 0 and found.points[-1].delivered is None
    due = [point.due for point in found.points if point.due is not None]
    assert due == sorted(due) and due[-1] == 1000
    year = replace(BOOKED, ends_at_s=BOOKED.starts_at_s + 365 * DAY_S)
    assert len(told(500, year).points) <= POINTS_MAX
    brief = replace(BOOKED, ends_at_s=BOOKED.starts_at_s + 60)
    assert [point.due for point in told(500, brief).points][:2] == [0, 1000]
