"""Leases: never more is spent than a budget has, whoever dies; what is not spent comes back."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from adengine.catalog.nouns import Goal, Unit
from adengine.counting.tokens import LEASE_WINDOW_S
from adengine.pacing.book import leasable
from adengine.pacing.claims import Lot, PacingStore, Want
from adengine.pacing.leases import AHEAD_S, LEASE_S, RENEW_S, Account, Leases, Token, horizon_s
from adengine.pacing.load import Total
from adengine.store.client import Store
from tests.builders import NOW_S, a_flight

HOLD_S = 60
HORIZON_S = horizon_s(HOLD_S)


def a_want(number: int = 10, *, left: int = 100, tau_s: int = NOW_S, begun: bool = False, **fields: object) -> Want:
    return Want(**{"flight": 1, "left": left, "tau_s": tau_s, "begun": begun, "number": number} | fields)  # type: ignore[arg-type]


@pytest.fixture
def budget(store: Store) -> PacingStore:
    return PacingStore(store, HORIZON_S)


def test_a_lease_is_at_most_a_sixteenth_of_what_is_left_and_at_least_one(budget: PacingStore) -> None:
    assert budget.lease([a_want(50, left=160)], NOW_S)[0].number == 10
    assert budget.lease([a_want(50, left=12)], NOW_S)[0].number == 1


def test_no_more_is_leased_than_is_left(budget: PacingStore) -> None:
    leased = sum(budget.lease([a_want(left=5)], NOW_S)[0].number for _ in range(20))
    assert leased == 5


def test_what_is_handed_back_can_be_leased_again(budget: PacingStore) -> None:
    (lot,) = budget.lease([a_want(left=1)], NOW_S)
    assert budget.lease([a_want(left=1)], NOW_S)[0].number == 0
    budget.lease([a_want(0, back=((lot.window, 1),))], NOW_S + 3)
    assert budget.lease([a_want(left=1)], NOW_S + 3)[0].number == 1


def test_more_than_was_leased_cannot_be_handed_back(budget: PacingStore) -> None:
    (lot,) = budget.lease([a_want(left=1)], NOW_S)
    budget.lease([a_want(0, back=((lot.window, 7),))], NOW_S)
    assert budget.lease([a_want(left=1)], NOW_S)[0].number == 0


def test_a_dead_workers_lease_comes_back_once_nothing_of_it_can_be_recorded_any_more(budget: PacingStore) -> None:
    assert budget.lease([a_want(left=1)], NOW_S)[0].number == 1
    early = NOW_S + HORIZON_S - 5
    assert budget.lease([a_want(left=1, tau_s=early)], early)[0].number == 0
    late = NOW_S + HORIZON_S + 5
    assert budget.lease([a_want(left=1, tau_s=late)], late)[0].number == 1


def test_a_consumer_that_lags_makes_leases_wait(budget: PacingStore) -> None:
    """What is left is as old as the counts: until they are newer, nothing leased since then comes back."""
    assert budget.lease([a_want(left=1)], NOW_S)[0].number == 1
    assert budget.lease([a_want(left=1, tau_s=NOW_S)], NOW_S + 10 * HORIZON_S)[0].number == 0


def test_a_store_that_lost_its_leases_waits_until_none_can_be_outstanding(budget: PacingStore) -> None:
    assert budget.lease([a_want(begun=True)], NOW_S)[0].number == 0
    assert budget.lease([a_want(begun=True, tau_s=NOW_S + HORIZON_S)], NOW_S + HORIZON_S)[0].number > 0


def test_many_flights_are_leased_in_one_call(store: Store, budget: PacingStore) -> None:
    wants = [a_want(3, flight=flight, left=1000) for flight in range(1, 200)]
    before = store.round_trips
    assert [lot.number for lot in budget.lease(wants, NOW_S)] == [3] * 199
    assert store.round_trips - before <= 6  # a node each, and once more where the script was not known


@pytest.mark.parametrize("seed", range(4))
def test_a_goal_is_never_passed_and_is_reached_though_workers_die(valkey: Store, seed: int) -> None:
    """Ten workers of unlike speed; one in fifty pages never shows its line, some beacons come at the last second, the
    counts lag, and now and then a worker dies with all that it had leased."""
    chance, goal = random.Random(seed), 400
    flight = a_flight(goal=Goal(unit=Unit.IMPRESSIONS, amount=goal))
    budget = PacingStore(valkey, HORIZON_S)
    workers = [_Worker(budget, chance.uniform(0.05, 1)) for _ in range(10)]
    recorded: list[tuple[int, int]] = []
    due: dict[int, list[int]] = defaultdict(list)
    now_s = NOW_S
    for now_s in range(NOW_S, NOW_S + 1_000):
        tau_s = now_s - chance.randrange(1, 8)
        known = [window for at_s, window in recorded if at_s <= tau_s]
        spent = sum((window + 1) * LEASE_WINDOW_S > tau_s - HORIZON_S for window in known)
        left = leasable(flight, Total(impressions=len(known), spent=spent))
        for index, worker in enumerate(workers):
            if chance.random() < 0.001:
                workers[index] = _Worker(budget, worker.speed)
            elif chance.random() < worker.speed:
                token = worker.shows(now_s, left, tau_s)
                if token is not None and chance.random() > 0.02:
                    due[now_s + chance.choice((0, 1, 2, HOLD_S))].append(token.window)
        recorded += [(now_s, window) for window in due.pop(now_s, ())]
        assert len(recorded) + sum(map(len, due.values())) <= goal
    assert len(recorded) >= 0.995 * goal, f"{len(recorded)} of {goal} at {now_s - NOW_S} s"


class _Worker:
    def __init__(self, budget: PacingStore, speed: float) -> None:
        self.budget, self.speed, self.now_s = budget, speed, 0
        self.leases = Leases(lambda: self.now_s)

    def shows(self, now_s: int, left: int, tau_s: int) -> Token | None:
        self.now_s = now_s
        wants = self.leases.needs([Account(1, left, begun=False)], tau_s)
        if wants:
            self.leases.put(wants, self.budget.lease(wants, now_s), now_s)
        return self.leases.take(1)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def stocked(number: int, clock: Clock) -> Leases:
    leases = Leases(clock)
    wants = leases.needs([Account(1, 1000, begun=False)], NOW_S)
    leases.put(wants, [Lot(number, 7)], clock())
    return leases


def test_what_is_taken_and_given_back_is_there_again() -> None:
    leases = stocked(1, Clock())
    token = leases.take(1)
    assert token is not None and leases.take(1) is None
    leases.give_back(token)
    assert leases.take(1) is not None


def test_a_lot_is_not_spent_past_its_time() -> None:
    clock = Clock()
    leases = stocked(5, clock)
    (index,) = leases.indices([1]).tolist()
    assert leases.is_ready(index)
    clock.now_s = LEASE_S
    assert not leases.is_ready(index) and leases.take(1) is None


def test_an_old_lot_is_handed_back_once_there_is_a_new_one() -> None:
    clock = Clock()
    leases = stocked(5, clock)
    clock.now_s = RENEW_S
    accounts = [Account(1, 1000, begun=True)]
    wants = leases.needs(accounts, NOW_S)
    assert [want.number for want in wants] == [1] and leases.take(1) is not None, "it is there until the new one is"
    leases.put(wants, [Lot(5, 9)], clock())
    assert [want.back for want in leases.needs(accounts, NOW_S)] == [((7, 4),)]
    assert leases.needs(accounts, NOW_S) == [], "once"


def test_a_flight_that_is_closed_hands_everything_back() -> None:
    leases = stocked(5, Clock())
    assert [want.back for want in leases.needs([], NOW_S)] == [((7, 5),)]
    assert leases.take(1) is None


def test_a_lot_follows_demand() -> None:
    clock = Clock()
    leases = stocked(1, clock)
    wants: list[Want] = []
    for _ in range(100):
        clock.now_s += 0.1
        for _ in range(20):
            leases.take(1)
        wants = leases.needs([Account(1, 10**6, begun=True)], NOW_S) or wants
    assert wants[0].number == pytest.approx(200 * AHEAD_S, rel=0.2)


def test_a_lot_that_is_spent_is_renewed_at_once_and_one_that_was_refused_is_waited_for() -> None:
    clock = [0.0]
    leases, account = Leases(lambda: clock[0]), [Account(1, 30, begun=False)]
    given = []
    for number in (1, 0, 2):
        wants = leases.needs(account, 0)
        while not wants:
            clock[0] += 0.1
            wants = leases.needs(account, 0)
        given.append(round(clock[0], 1))
        leases.put(wants, [Lot(number, 7)], clock[0])
        clock[0] += 0.1
        assert [leases.take(1) is not None for _ in range(number)] == [True] * number
    assert given == [0.0, 0.1, 0.6], "half a second lies behind a question that gave nothing, and only behind such"


def test_places_among_the_leases_stay_while_others_come() -> None:
    leases = stocked(5, Clock())
    first = leases.indices([1])
    more = leases.indices(range(1, 500))
    assert first[0] == more[0] and len(np.unique(more)) == 499
    assert list(map(leases.is_ready, more.tolist())) == [True] + [False] * 498
