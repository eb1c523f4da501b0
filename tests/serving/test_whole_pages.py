"""Roadblocks, companions, competitors and position weights through the whole line, caps and the store included."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from adengine.catalog.nouns import Level, Roadblock, Targeting, Tier
from tests.builders import a_cap, a_creative, a_flight, a_site, a_slot, among
from tests.serving.conftest import Open
from tests.serving.kiosk import flights_of

SLOTS = (a_slot(1, name="a"), a_slot(2, name="b"), a_slot(3, name="c"))
PAGE = ["a", "b", "c"]
HOUSE = a_flight(9, campaign=9, advertiser=9, tier=Tier.HOUSE)


def test_a_roadblock_with_a_cap_holds_the_whole_page_or_nothing(kiosk_at: Open) -> None:
    block = a_flight(1, roadblock=Roadblock.ALL, caps=(a_cap(7),))
    shop = kiosk_at(block, HOUSE, slots=SLOTS)
    assert [flights_of(shop(reader="a", slots=PAGE)) for _ in range(3)] == [[1, 1, 1], [1, 1, 1], [9, 9, 9]]
    last = shop(reader="a", slots=PAGE, explain=True)
    assert {fill["reason"] for fill in last["fills"]} == {"all_capped"}
    assert flights_of(shop(reader="a", slots=["a"])) == [1], "on a page of one slot a single line is the whole page"
    assert flights_of(shop(reader="a", slots=["a"])) == [9]
    assert shop.round_trips <= 2


def test_racing_pages_of_one_reader_never_get_half_a_roadblock(kiosk_at: Open) -> None:
    """Eight at once for a cap of seven: two whole pages at most, and nobody sees a part of one."""
    shop = kiosk_at(a_flight(1, roadblock=Roadblock.ALL, caps=(a_cap(7),)), HOUSE, slots=SLOTS)
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: tuple(flights_of(shop(reader="racer", slots=PAGE))), range(8)))
    assert Counter(pages) == {(1, 1, 1): 2, (9, 9, 9): 6}


def test_a_creatives_cap_counts_in_a_roadblock_too(kiosk: Open) -> None:
    """Three slots and two creatives that may be seen once each: it cannot be whole, so it is not there at all."""
    two = tuple(a_creative(n) for n in (1, 2))
    block = a_flight(1, roadblock=Roadblock.ALL, caps=(a_cap(1, Level.CREATIVE),))
    house = a_creative(9, campaign=9, advertiser=9)
    assert flights_of(kiosk(block, HOUSE, creatives=(*two, house), slots=SLOTS)(reader="a", slots=PAGE)) == [9, 9, 9]
    three = (*two, a_creative(3))
    answer = kiosk(block, HOUSE, creatives=(*three, house), slots=SLOTS)(reader="b", slots=PAGE)
    assert flights_of(answer) == [1, 1, 1]
    assert len({fill["creative"]["id"] for fill in answer["fills"]}) == 3


def test_a_roadblock_gives_way_to_a_better_tier_and_says_so(kiosk: Open) -> None:
    better = a_flight(2, campaign=2, advertiser=2, tier=Tier.SPONSORSHIP, targeting=Targeting(slots=among("b")))
    shop = kiosk(a_flight(1, roadblock=Roadblock.ALL), better, HOUSE, slots=SLOTS)
    answer = shop(slots=PAGE, explain=True)
    assert flights_of(answer) == [9, 2, 9]
    assert answer["fills"][0]["reason"] == "roadblock_incomplete"
    for fill in answer["fills"]:
        explained = fill["explain"]
        assert explained["candidates"] == sum(explained["refused"].values()) + 1
    assert flights_of(shop(slots=["a", "c"])) == [1, 1]


def test_a_roadblock_stands_the_more_often_the_more_it_weighs(kiosk: Open) -> None:
    others = [a_flight(n, campaign=n, advertiser=n) for n in (2, 3, 4)]
    stood = []
    for weight in (0.01, 3.0, 1000.0):
        shop = kiosk(a_flight(1, roadblock=Roadblock.ALL, weight=weight), *others, slots=SLOTS)
        pages = [tuple(flights_of(shop(slots=PAGE))) for _ in range(300)]
        assert all(page == (1, 1, 1) or sorted(page) == [2, 3, 4] for page in pages)  # type: ignore[type-var]
        stood.append(pages.count((1, 1, 1)) / 300)
    assert stood[0] < 0.05 < 0.2 < stood[1] < 0.8 < 0.95 < stood[2], stood


def test_a_companion_stands_in_every_slot_that_nobody_better_wants(kiosk: Open) -> None:
    better = a_flight(2, campaign=2, advertiser=2, priority=1, targeting=Targeting(slots=among("b")))
    shop = kiosk(a_flight(1, roadblock=Roadblock.COMPANION, caps=(a_cap(3),)), better, HOUSE, slots=SLOTS)
    assert flights_of(shop(reader="a", slots=PAGE)) == [1, 2, 1]
    assert sorted(flights_of(shop(reader="a", slots=PAGE)), key=str) == [1, 2, 9], "as often as its cap has room"  # type: ignore[arg-type]


@pytest.mark.parametrize("exclusive", [(), ("advertiser",), ("category",), ("advertiser", "category")])
def test_a_site_says_what_its_pages_show_once(kiosk: Open, exclusive: tuple[str, ...]) -> None:
    flights = [a_flight(n, campaign=n, advertiser=advertiser) for n, advertiser in ((1, 1), (2, 1), (3, 3))]
    creatives = tuple(
        a_creative(n, campaign=n, advertiser=flight.advertiser, categories=("386",) if n != 1 else ())
        for n, flight in enumerate(flights, start=1)
    )
    shop = kiosk(*flights, creatives=creatives, sites=(a_site(exclusive=exclusive),), slots=SLOTS)
    filled = {frozenset(flight for flight in flights_of(shop(slots=PAGE)) if flight) for _ in range(30)}
    expected: dict[tuple[str, ...], set[frozenset[int]]] = {
        (): {frozenset({1, 2, 3})},
        ("advertiser",): {frozenset({1, 3}), frozenset({2, 3})},
        ("category",): {frozenset({1, 2}), frozenset({1, 3})},
        ("advertiser", "category"): {frozenset({1, 3})},
    }
    assert filled == expected[exclusive]


def test_one_of_several_competitors_stands_on_a_page_each_in_turn(kiosk: Open) -> None:
    shop = kiosk(*[a_flight(n, campaign=n, advertiser=n, exclusions=("beer",)) for n in (1, 2, 3)], slots=SLOTS)
    pages = [flights_of(shop(slots=PAGE)) for _ in range(20)]
    assert all(page.count(None) == 2 for page in pages)
    assert {flight for page in pages for flight in page if flight} == {1, 2, 3}


def test_a_slot_of_more_weight_is_filled_first(kiosk: Open) -> None:
    weighty = (a_slot(1, name="a"), a_slot(2, name="b", position_weight=2.0), a_slot(3, name="c"))
    assert flights_of(kiosk(a_flight(1), slots=weighty)(slots=PAGE)) == [None, 1, None]
    assert flights_of(kiosk(a_flight(1), slots=SLOTS)(slots=PAGE)) == [1, None, None]
