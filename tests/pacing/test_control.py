"""The controller delivers goals on their schedules, by itself and in competition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from adengine.catalog.nouns import Flight, Goal, Unit
from adengine.pacing.control import HURRY, STRENGTH_LEAST, WORTH, Controller, strength_most
from adengine.pacing.forecast import HOUR_S, HOURS, MONDAY_S, prior
from adengine.pacing.schedule import Schedule
from adengine.serving.draw import NOISE
from tests.builders import DAY_S, a_flight
from tests.pacing.builders import a_sheet

START_S = MONDAY_S + 2900 * 7 * DAY_S
STEP_S = 300
SEED = 20261123


def booked(id: int, goal: int, days: tuple[float, float] = (0, 7), **fields: object) -> Flight:
    return a_flight(
        id,
        goal=Goal(unit=Unit.IMPRESSIONS, amount=goal),
        starts_at_s=int(START_S + days[0] * DAY_S),
        ends_at_s=int(START_S + days[1] * DAY_S),
        **fields,
    )


def stepped(flight: Flight, delivered: float, at_s: float, controller: Controller | None = None) -> tuple[float, bool]:
    controller = controller or Controller()
    controller.book([flight], np.ones((1, HOURS)))
    controller.step(np.array([delivered], np.float64), at_s)
    score, _, gate = controller.columns()
    return float(score[0]), bool(gate[0])


def test_who_is_behind_asks_more_and_who_is_a_look_ahead_is_shut() -> None:
    flight = booked(1, 1000)
    middle, due = START_S + 3.5 * DAY_S, 1000 * 0.5 * 1.025
    assert stepped(flight, due, middle) == (pytest.approx(WORTH, abs=0.2), True)
    behind, ahead = stepped(flight, due - 50, middle), stepped(flight, due + 50, middle)
    assert behind[0] > WORTH > ahead[0] and behind[1] and ahead[1]
    assert not stepped(flight, due + 150, middle)[1], "a look is 12 hours, and 12 hours are 71"


def test_a_goal_that_came_to_nothing_is_paced_once_it_is_mended() -> None:
    controller = Controller()
    stepped(booked(1, 0), 0, START_S + DAY_S, controller)
    mended = stepped(booked(1, 1000), 0, START_S + 2 * DAY_S, controller)
    assert mended[0] > WORTH and mended[1]


def test_a_strength_that_is_no_number_begins_anew() -> None:
    sheet = a_sheet(1)
    resumed = Controller.resumed(replace(sheet, strength=np.full(1, np.nan)))
    assert stepped(booked(1, 1000), 0, START_S + DAY_S, resumed)[0] > WORTH


def test_what_is_wanted_as_soon_as_possible_or_has_no_end_asks_with_all_it_has() -> None:
    for fields in ({"pacing": "asap"}, {"ends_at_s": None}):
        flight = replace(booked(1, 1000), **fields)  # type: ignore[arg-type]
        assert stepped(flight, 0, START_S) == (strength_most(flight) + WORTH, True)
    limited = a_flight(1, daily_limit=5)
    controller = Controller()
    controller.book([limited], np.ones((1, HOURS)))
    controller.step(np.zeros(1), START_S)
    assert np.isnan(controller.columns()[0][0]) and controller.columns()[2][0]


def test_priorities_ask_with_different_strength() -> None:
    assert [strength_most(a_flight(priority=p)) for p in (1, 3, 4, 7, 8, 10)] == [40, 40, 20, 20, 10, 10]


def test_strength_has_bounds_and_a_sleep_is_not_made_up_for() -> None:
    flight, controller = booked(1, 10**6, (0, 70)), Controller()
    controller.book([flight], np.ones((1, HOURS)))
    for step in range(20_000):
        controller.step(np.array([10.0**7]), START_S + DAY_S + step * STEP_S)
    assert controller.columns()[1][0] == STRENGTH_LEAST
    fresh = Controller()
    fresh.book([flight], np.ones((1, HOURS)))
    fresh.step(np.zeros(1), START_S + DAY_S)
    fresh.step(np.zeros(1), START_S + 60 * DAY_S)
    assert fresh.columns()[1][0] == pytest.approx(0.03 * 3 * HURRY)


@pytest.mark.parametrize(("behind", "gain"), [(0.5, 1), (1.9, 1), (2.1, HURRY)])
def test_who_is_far_behind_asks_for_more_and_more_sooner(behind: float, gain: float) -> None:
    """behind: in looks, of twelve hours each."""
    flight, controller = booked(1, 10**6, (0, 70)), Controller()
    controller.book([flight], np.ones((1, HOURS)))
    schedule = Schedule([flight], np.ones((1, HOURS)))
    for step in range(2):
        at_s = START_S + 35 * DAY_S + step * STEP_S
        due = schedule.at(at_s)
        controller.step(due - behind * (schedule.at(at_s + schedule.look_s) - due), at_s)
    assert controller.columns()[1][0] == pytest.approx(0.03 * behind * gain)


def test_the_next_pacer_goes_on_where_the_last_one_stopped() -> None:
    sheet = replace(a_sheet(1, 2), strength=np.array([1.5, -2.0]))
    controller = Controller.resumed(sheet)
    controller.book([booked(1, 100), booked(2, 100), booked(3, 100)], np.ones((3, HOURS)))
    controller.step(np.zeros(3), START_S)
    assert controller.columns()[1].tolist() == [1.5, -2.0, 0.0]
    controller.book([booked(2, 100)], np.ones((1, HOURS)))
    controller.step(np.zeros(1), START_S)
    assert controller.columns()[1].tolist() == [-2.0]


def run(flights: Sequence[Flight], eligible: np.ndarray, level: float, days: int, seed: int) -> np.ndarray:
    """What each flight delivered by the end of each step, in a world whose pages come as usual, but by chance.

    eligible: (kinds of pages, flights); all kinds are as frequent.  level: pages a day.
    """
    chance = np.random.default_rng(seed)
    shape = prior("UTC") * level / 24
    controller = Controller()
    controller.book(flights, np.broadcast_to(prior("UTC"), (len(flights), HOURS)))
    goals = goals_of(flights)
    starts, ends = (np.array([getattr(f, name) for f in flights]) for name in ("starts_at_s", "ends_at_s"))
    delivered, history = np.zeros(len(flights)), []
    for at_s in range(START_S, START_S + days * DAY_S, STEP_S):
        controller.step(delivered, at_s)
        score, _, gate = controller.columns()
        runs = gate & (starts <= at_s) & (at_s < ends)
        pages = chance.poisson(shape[(at_s - MONDAY_S) // HOUR_S % HOURS] * STEP_S / HOUR_S)
        kinds = chance.integers(len(eligible), size=pages)
        noisy = score + NOISE * (chance.gumbel(size=(pages, len(flights))) - np.euler_gamma)
        noisy[~(eligible[kinds] & runs & (noisy > 0))] = -np.inf
        for page in range(pages):
            first = int(noisy[page].argmax())
            if noisy[page, first] > -np.inf and delivered[first] < goals[first]:
                delivered[first] += 1
        history.append(delivered.copy())
    return np.array(history)


def a_week(seed: int, sold: float) -> tuple[list[Flight], np.ndarray, float]:
    """24 flights that want different pages at different times; goals are `sold` of the pages that they could share."""
    chance = np.random.default_rng(seed)
    kinds, count, level = 12, 24, 4000.0
    eligible = chance.random((kinds, count)) < 0.4
    eligible[0] |= ~eligible.any(axis=0)
    starts = chance.integers(0, 5, size=count)
    ends = starts + chance.integers(2, 8 - starts)
    a_day = chance.uniform(0.5, 2.0, count)
    # Wishes are spread over the kinds of pages that admit them; on no day may a kind be wanted more than it comes.
    each = eligible / eligible.sum(axis=0) * a_day
    load = max((each * ((starts <= day) & (day < ends))).sum(axis=1).max() for day in range(7))
    goals = a_day * (ends - starts) * sold * level / kinds / load
    flights = [booked(n + 1, int(goals[n]), (starts[n], ends[n])) for n in range(count)]
    return flights, eligible, level


def goals_of(flights: Sequence[Flight]) -> np.ndarray:
    return np.array([flight.target[1] for flight in flights if flight.target])


@pytest.mark.parametrize("seed", range(5))
def test_a_book_that_is_85_percent_sold_is_delivered(seed: int) -> None:
    flights, eligible, level = a_week(SEED + seed, 0.85)
    goals = goals_of(flights)
    delivered = run(flights, eligible, level, 7, seed)[-1]
    assert (delivered <= goals).all()
    assert (delivered / goals >= 0.99).mean() >= 0.99
    assert 1 - delivered.sum() / goals.sum() <= 0.0005


def test_delivery_keeps_to_the_schedule_on_the_way() -> None:
    flights, eligible, level = a_week(SEED, 0.7)
    history = run(flights, eligible, level, 7, 1)
    schedule = Schedule(flights, np.broadcast_to(prior("UTC"), (len(flights), HOURS)))
    for step in range(0, len(history), 48):
        at_s = START_S + (step + 1) * STEP_S
        assert (history[step] <= schedule.at(at_s + schedule.look_s) + 30).all(), "ahead of its band"
        assert (history[step] >= schedule.at(at_s - schedule.look_s) - 30).all(), "behind its band"


def test_of_a_book_that_is_oversold_all_is_used() -> None:
    flights, eligible, level = a_week(SEED, 1.6)
    delivered = run(flights, eligible, level, 7, 1)[-1]
    assert (delivered <= goals_of(flights)).all()
    greedy = run([replace(flight, pacing="asap") for flight in flights], eligible, level, 7, 1)[-1]
    assert delivered.sum() >= 0.99 * greedy.sum()
    assert (delivered / goals_of(flights)).min() > (greedy / goals_of(flights)).min(), "and everybody has some of it"


@pytest.mark.parametrize("seed", range(3))
def test_of_what_is_oversold_the_lowest_priority_bears_most(seed: int) -> None:
    """A third each of priority 3, 5 and 8, all after the same pages, which are sold to 119 %."""
    flights = [booked(n + 1, 1000, (0, 5), priority=(3, 5, 8)[n % 3]) for n in range(24)]
    pages = goals_of(flights).sum() / 1.19
    delivered = run(flights, np.ones((1, 24), bool), pages / 5, 5, seed)[-1]
    short = (1 - delivered / goals_of(flights)).reshape(8, 3).mean(axis=0)
    assert short[0] < 0.01 and short[1] < 0.15 and short[2] > 0.3, short
    assert short.mean() == pytest.approx(1 - 1 / 1.19, abs=0.03)
