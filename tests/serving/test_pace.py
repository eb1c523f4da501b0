"""Goals, schedules, budgets and promised shares through the whole line of a fill."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from adengine.catalog.nouns import Goal, Roadblock, Tier, Unit
from adengine.counting.tokens import LEASE_WINDOW_S
from adengine.learning.cells import EVERYWHERE, Cell
from adengine.learning.learnt import Learnt
from adengine.pacing.claims import Lot
from adengine.pacing.leases import Account
from adengine.pacing.sheet import OPEN, REACHED
from adengine.serving.draw import stay
from adengine.serving.pace import WAVERING
from tests.builders import a_cap, a_flight, a_slot
from tests.pacing.builders import a_sheet
from tests.serving.conftest import Open
from tests.serving.kiosk import Kiosk, flights_of

GOAL = Goal(unit=Unit.IMPRESSIONS, amount=1000)
CLICKS = Goal(unit=Unit.CLICKS, amount=1000)
HOUSE = a_flight(9, campaign=9, advertiser=9, tier=Tier.HOUSE)
SLOTS = (a_slot(1, name="a"), a_slot(2, name="b"), a_slot(3, name="c"))


def clicked(*ids: int, **fields: object) -> list:  # type: ignore[type-arg]
    """Flights with a goal of clicks, which need no lease."""
    return [a_flight(n, campaign=n, advertiser=n, goal=CLICKS, **fields) for n in ids]


def test_who_asks_more_strongly_is_shown(kiosk: Open) -> None:
    shop = kiosk(*clicked(1, 2, 3), HOUSE)
    shop.sheet = a_sheet(1, 2, 3, scores=(2.0, 5.0, 3.0))
    assert {flights_of(shop())[0] for _ in range(50)} == {2}
    shop.sheet = a_sheet(1, 2, 3, number=2, scores=(5.0, 5.0, 5.0))
    assert {flights_of(shop())[0] for _ in range(50)} == {1, 2, 3}


def test_who_is_ahead_of_his_schedule_leaves_the_page_to_others(kiosk: Open) -> None:
    shop = kiosk(*clicked(1), a_flight(2, campaign=2, advertiser=2), HOUSE)
    shop.sheet = a_sheet(1, score=2.0)
    assert flights_of(shop()) == [1], "a goal goes before what has none, priority being equal"
    shop.sheet = a_sheet(1, number=2, score=-2.0)
    assert flights_of(shop()) == [2]
    shop.sheet = a_sheet(1, number=3, score=2.0, flags=0)
    assert flights_of(shop()) == [2]
    told = {c["flight"]: c for c in shop(explain=True)["fills"][0]["explain"]["list"]}
    assert told["flt_1"]["reason"] == "paced_out"
    shop.sheet = a_sheet(1, number=4, score=2.5)
    told = {c["flight"]: c for c in shop(explain=True)["fills"][0]["explain"]["list"]}
    assert told["flt_1"]["score"] == 2.5, "what it asked with"


def test_between_goals_the_priority_is_in_the_score_alone(kiosk: Open) -> None:
    """Who is on his schedule leaves a page to who is behind, whatever their priorities; the tier stays an order."""
    first, last = clicked(1, priority=1) + clicked(2, priority=9)
    shop = kiosk(first, last, a_flight(3, campaign=3, advertiser=3, priority=1), HOUSE)
    shop.sheet = a_sheet(1, 2, scores=(1.0, 3.0))
    assert {flights_of(shop())[0] for _ in range(30)} == {2}
    shop.sheet = a_sheet(1, 2, number=2, scores=(-3.0, -3.0))
    assert flights_of(shop()) == [3], "one without a goal has what goals leave"
    lower = a_flight(4, campaign=4, advertiser=4, goal=CLICKS, tier=Tier.NETWORK, priority=1)
    shop.book(first, lower, HOUSE)
    shop.sheet = a_sheet(1, 4, number=3, scores=(1.0, 40.0))
    assert {flights_of(shop())[0] for _ in range(30)} == {1}


def test_around_zero_lots_decide_so_that_workers_do_not_fall_silent_together(kiosk: Open) -> None:
    shop = kiosk(*clicked(1), HOUSE)
    shown = {}
    for number, score in enumerate((-0.2, -0.05, 0.0, 0.05, 0.2), start=1):
        shop.sheet = a_sheet(1, number=number, score=score)
        shown[score] = Counter(flights_of(shop())[0] for _ in range(300))[1] / 300
    parts = list(shown.values())
    assert parts == sorted(parts) and parts[0] < 0.2 < parts[2] < 0.8 < parts[4]
    ids = np.arange(200_000)
    assert not stay(np.full(200_000, -WAVERING), ids, 1).any(), "noise reaches beyond the band"
    assert stay(np.full(200_000, WAVERING), ids, 1).all()


def test_a_flight_with_a_budget_waits_for_its_lease_and_stops_without_one(kiosk: Open) -> None:
    shop = kiosk(a_flight(1, goal=GOAL), HOUSE)
    assert flights_of(shop()) == [9], "before the pacer has said anything"
    stock(shop, 3)
    assert [flights_of(shop())[0] for _ in range(5)] == [1, 1, 1, 9, 9]


def test_a_roadblock_with_a_budget_takes_one_for_each_slot_or_none(kiosk: Open) -> None:
    shop = kiosk(a_flight(1, goal=GOAL, roadblock=Roadblock.ALL), HOUSE, slots=SLOTS)
    stock(shop, 4)
    assert flights_of(shop(slots=["a", "b", "c"])) == [1, 1, 1]
    assert flights_of(shop(slots=["a", "b", "c"])) == [9, 9, 9]
    assert flights_of(shop(slots=["a"])) == [1], "what was taken for the page that came to nothing was given back"
    assert flights_of(shop(slots=["a"])) == [9]


def test_what_a_cap_refuses_costs_no_budget(kiosk: Open) -> None:
    shop = kiosk(a_flight(1, goal=GOAL, caps=(a_cap(1),)), HOUSE)
    stock(shop, 2)
    assert [flights_of(shop(reader="a"))[0] for _ in range(5)] == [1, 9, 9, 9, 9]
    assert [flights_of(shop(reader="b"))[0] for _ in range(2)] == [1, 9]
    assert flights_of(shop(reader="c")) == [9]


def test_a_rehearsal_costs_no_budget_and_no_turn(kiosk: Open) -> None:
    shop = kiosk(a_flight(1, goal=GOAL), HOUSE)
    stock(shop, 1)
    assert all(flights_of(shop(preview=True)) == [1] for _ in range(5))
    assert [flights_of(shop())[0] for _ in range(2)] == [1, 9]
    shop = kiosk(sponsor(1, 0.5), HOUSE)
    alone = [flights_of(shop())[0] for _ in range(4)]
    assert alone == [1, 9, 1, 9]
    for _ in range(7):
        shop(preview=True)
    assert [flights_of(shop())[0] for _ in range(4)] == [1, 9, 1, 9]


def test_the_impression_of_a_lease_counts_as_long_as_a_hold(kiosk: Open) -> None:
    shop = kiosk(a_flight(1, goal=GOAL), HOUSE)
    stock(shop, 1)
    served = shop.served(shop()["fills"][0])
    assert served.brief and not served.held and served.leased is not None


def sponsor(id: int, share: float, **fields: object):  # type: ignore[no-untyped-def]
    goal = Goal(unit=Unit.SHARE, amount=share)
    return a_flight(id, campaign=id, advertiser=id, tier=Tier.SPONSORSHIP, goal=goal, **fields)


@pytest.mark.parametrize("shares", [(0.3,), (0.5, 0.5), (0.6, 0.25, 0.1)])
def test_a_promised_share_is_kept_within_one_page_of_any_hundred(kiosk: Open, shares: tuple[float, ...]) -> None:
    shop = kiosk(*[sponsor(n, share) for n, share in enumerate(shares, start=1)], HOUSE)
    shown = [flights_of(shop())[0] for _ in range(400)]
    for n, share in enumerate(shares, start=1):
        for at in range(301):
            assert abs(shown[at : at + 100].count(n) - 100 * share) <= 1 + 1e-6


def test_pages_that_a_sponsor_could_not_stand_on_do_not_count(kiosk: Open) -> None:
    shop = kiosk(sponsor(1, 0.5, caps=(a_cap(1),)), HOUSE)
    assert [flights_of(shop(reader="a"))[0] for _ in range(6)] == [1, 9, 9, 9, 9, 9]
    shown = [flights_of(shop(reader=f"reader {n}"))[0] for n in range(100)]
    assert abs(shown.count(1) - 50) <= 1


def test_a_turn_that_came_to_nothing_is_kept(kiosk: Open) -> None:
    better = sponsor(2, 1.0, priority=1)
    shop = kiosk(sponsor(1, 0.5), better, HOUSE)
    assert [flights_of(shop())[0] for _ in range(6)] == [2] * 6
    shop.book(sponsor(1, 0.5), HOUSE)
    assert [flights_of(shop())[0] for _ in range(4)].count(1) >= 3


def stock(shop: Kiosk, number: int) -> None:
    """The pacer says that flight 1 has `number` impressions left, and the worker has leased them."""
    shop.sheet = a_sheet(1, left=number, number=shop.sheet.number + 1, flags=OPEN, score=2.0)
    wants = shop.leases.needs([Account(1, number, begun=False)], shop.now_s)
    shop.leases.put(wants, [Lot(number, shop.now_s // LEASE_WINDOW_S)], time.monotonic())


def test_a_goal_that_is_reached_says_so(kiosk: Open) -> None:
    shop = kiosk(a_flight(1, goal=GOAL))
    shop.sheet = a_sheet(flags=REACHED)
    assert shop()["fills"][0]["reason"] == "goal_reached"


def test_who_is_clicked_more_on_pages_like_this_one_asks_for_them_more_strongly(kiosk: Open) -> None:
    """n = 400 pages; equal scores elsewhere, worths of 3 and 0.5 here: 25 times the noise of a lot between them."""
    shop = kiosk(*clicked(1, 2))
    shop.sheet = a_sheet(1, 2, score=2.0)
    place = shop.gazetteer.resolve("Minnesota").place
    assert place is not None
    shop.learnt = Learnt(number=1, worths={Cell(0, place.id): {1: 0.5, 2: 3.0}})
    here = Counter(flights_of(shop(preview=True, place="Remer,MN"))[0] for _ in range(400))
    elsewhere = Counter(flights_of(shop(preview=True, place="Paris, FR"))[0] for _ in range(400))
    assert here == {2: 400} and 120 < elsewhere[1] < 280
    shop.learnt = Learnt(number=2, worths={Cell(0, place.id): {1: 3.0, 2: 0.5}})
    assert flights_of(shop(preview=True, place="Remer,MN")) == [1], "what is learnt anew holds at once"


def test_a_flight_that_is_worth_nothing_here_waits_for_better_pages(kiosk: Open) -> None:
    shop = kiosk(*clicked(1))
    shop.sheet = a_sheet(score=0.0)
    shop.learnt = Learnt(number=1, worths={EVERYWHERE: {1: 0.0}})
    fill = shop(preview=True)["fills"][0]
    assert fill["reason"] == "paced_out"
