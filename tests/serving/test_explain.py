"""Explanations reconcile: every candidate has one reason, or stands there."""

import random
import time
from collections import Counter

from adengine.catalog.dimensions import DIMENSIONS, targeting_of
from adengine.catalog.nouns import Flight, Goal, Level, Roadblock, Targeting, Tier, Unit, Without
from adengine.pacing.claims import Lot
from adengine.pacing.leases import Account
from adengine.pacing.sheet import OPEN, REACHED
from tests.builders import DAY_S, NOW_S, a_cap, a_creative, a_flight, a_site, a_slot, among
from tests.pacing.builders import a_sheet
from tests.serving.conftest import Open
from tests.serving.kiosk import Kiosk

GOALS = (
    Goal(unit=Unit.IMPRESSIONS, amount=1000), Goal(unit=Unit.CLICKS, amount=50), Goal(unit=Unit.SHARE, amount=0.5),
)  # fmt: skip

THREE = (a_slot(1, name="a"), a_slot(2, name="b", position="rail"), a_slot(3, name="c"))


def test_an_explanation_reconciles_and_names_the_dimension_or_the_cap(kiosk: Open) -> None:
    shop = kiosk(
        a_flight(1, campaign=1, advertiser=1, caps=(a_cap(1, Level.CAMPAIGN, "1d"),)),
        a_flight(2, campaign=2, advertiser=2, targeting=Targeting(positions=among("rail"))),
        a_flight(3, campaign=3, advertiser=3, ends_at_s=NOW_S),
        a_flight(4, campaign=4, advertiser=4, tier=Tier.HOUSE),
        a_flight(5, campaign=5, advertiser=5, tier=Tier.HOUSE, weight=3),
        slots=THREE,
    )
    shop(reader="a", slots=["a"])
    answer = shop(reader="a", slots=["a", "b", "nowhere"], explain=True, place="Springfield", topics=["x", "politics"])
    assert answer["explain"] == {
        "site": "site_1", "place": None, "place_status": "ambiguous", "topics": ["386"], "unknown_topics": ["x"],
    }  # fmt: skip
    for fill in answer["fills"][:2]:
        told = fill["explain"]
        assert told["candidates"] == len(told["list"]) == 5
        assert sum(told["refused"].values()) + (fill["status"] == "filled") == told["candidates"]
        assert told["refused"] == dict(Counter(c["reason"] for c in told["list"] if c["reason"]))
        assert [c["flight"] for c in told["list"] if c["reason"] is None] == [fill["creative"]["flight"]]
        by_flight = {candidate["flight"]: candidate for candidate in told["list"]}
        assert (by_flight["flt_1"]["reason"], by_flight["flt_1"]["detail"]) == ("all_capped", "campaign/1d")
        assert (by_flight["flt_3"]["reason"], by_flight["flt_3"]["score"]) == ("out_of_dates", None)
        assert (by_flight["flt_4"]["score"], by_flight["flt_5"]["score"]) == (0.25, 0.75)
    told = {c["flight"]: c for c in answer["fills"][0]["explain"]["list"]}["flt_2"]
    assert (told["reason"], told["detail"]) == ("no_match", "position")
    assert answer["fills"][2]["explain"] is None


WANTED = {
    "places": ("99", "place"), "topics": ("386", "topic"), "slots": ("elsewhere", "slot"),
    "positions": ("x", "position"), "devices": ("tv", "device"), "languages": ("fr", "language"),
    "weekdays": ("wed", "weekday"), "dayparts": ("03:00-03:01", "daypart"), "keys": ("a=b", "key"),
    "urls": ("other.example", "url"), "radius": ("0.0,0.0,1.0", "radius"),
    "sections": ("business", "section"),
}  # fmt: skip


def test_the_dimension_that_refused_is_named_whichever_it_is(kiosk: Open) -> None:
    assert WANTED.keys() == {row.name for row in DIMENSIONS}
    flights = [
        a_flight(n, campaign=n, advertiser=n, targeting=targeting_of({name: {"include": [value]}}, DIMENSIONS))
        for n, (name, (value, _)) in enumerate(WANTED.items(), 1)
    ]
    (fill,) = kiosk(*flights)(explain=True, place="Remer,MN", page={"lang": "en"})["fills"]
    told = {candidate["flight"]: (candidate["reason"], candidate["detail"]) for candidate in fill["explain"]["list"]}
    assert told == {f"flt_{n}": ("no_match", detail) for n, (_, detail) in enumerate(WANTED.values(), 1)}


def test_nothing_that_the_user_agent_says_is_kept(kiosk: Open) -> None:
    shop = kiosk(a_flight(1, caps=(a_cap(5),), targeting=Targeting(further={"devices": among("phone")})))
    answer = shop(reader={"key": "a", "user_agent": "iPhone-of-a-reader"}, explain=True)
    assert b"iPhone-of-a-reader" not in shop.everything() and "iPhone-of-a-reader" not in repr(answer)


def test_every_explanation_of_random_catalogues_reconciles(kiosk: Open) -> None:
    """300 seeded catalogues and pages with goals, shares, roadblocks and competitors; reasons, refusals and the ones
    chosen always add up to the candidates."""
    draw = random.Random(20250907)
    shop = kiosk()
    met: set[str] = set()
    for number in range(300):
        flights = [_random_flight(draw, n + 1) for n in range(draw.randrange(7))]
        creatives = tuple(a_creative(10 * n + k, campaign=n, advertiser=n) for n in (1, 2, 3) for k in range(1, 3))
        site = a_site(exclusive=draw.choice([("advertiser",), ()]))
        shop.book(*flights, creatives=creatives, slots=THREE, sites=(site,))
        _pace(draw, shop, flights, number)
        answer = shop(
            reader=draw.choice([None, "a", "b"]), slots=draw.sample(["a", "b", "c", "nowhere"], draw.randint(1, 4)),
            explain=True, preview=draw.random() < 0.2, topics=draw.choice([[], ["508"], ["386"]]),
            exclude={"advertisers": draw.choice([[], ["adv_1"]])},
        )  # fmt: skip
        standing = [fill["creative"]["flight"] for fill in answer["fills"] if fill["status"] == "filled"]
        for fill in answer["fills"]:
            if fill["slot"] == "nowhere":
                continue
            told = fill["explain"]
            here = [c["flight"] for c in told["list"] if c["reason"] is None]
            assert here == ([fill["creative"]["flight"]] if fill["status"] == "filled" else [])
            assert told["candidates"] == len(told["list"]) == sum(told["refused"].values()) + len(here)
            met |= told["refused"].keys()
            if fill["status"] == "empty":
                assert fill["reason"] in (told["refused"] or {"no_match": 0})
        assert len(answer["fills"]) >= len(standing)
    hard = {"goal_reached", "paced_out", "all_capped", "flight_on_page", "competitor_on_page", "roadblock_incomplete"}
    assert hard <= met


def _pace(draw: random.Random, shop: Kiosk, flights: list[Flight], number: int) -> None:
    """What the pacer says of those with a goal, if it has spoken; leases for some."""
    ids = [flight.id for flight in flights if flight.target is not None]
    if not ids or draw.random() < 0.1:
        return
    scores = tuple(draw.choice([-3.0, 0.0, 0.05, 2.0]) for _ in ids)
    shop.sheet = a_sheet(*ids, left=5, number=number + 1, scores=scores, flags=draw.choice([OPEN, OPEN, OPEN, REACHED]))
    wants = shop.leases.needs([Account(flight, 5, begun=False) for flight in ids], 0)
    shop.leases.put(wants, [Lot(draw.choice([0, 1, 5]), shop.now_s // 5) for _ in wants], time.monotonic())


def _random_flight(draw: random.Random, id: int) -> Flight:
    owner = draw.randint(1, 3)
    goal = draw.choice([None, None, *GOALS])
    return a_flight(
        id,
        campaign=owner,
        advertiser=owner,
        tier=Tier.SPONSORSHIP if goal is not None and goal.unit is Unit.SHARE else draw.choice(list(Tier)),
        goal=goal,
        roadblock=draw.choice([Roadblock.NONE] * 4 + [Roadblock.ALL, Roadblock.COMPANION]),
        exclusions=draw.choice([(), ("beer",)]),
        priority=draw.randint(1, 2),
        weight=draw.uniform(0.1, 9),
        starts_at_s=NOW_S + draw.choice([-DAY_S, DAY_S]) if draw.random() < 0.3 else NOW_S,
        targeting=Targeting(
            topics=draw.choice([among(), among("483"), among(exclude=("386",))]),
            slots=draw.choice([among(), among("a", "b")]),
        ),
        caps=tuple(
            a_cap(
                draw.randint(1, 3),
                draw.choice(list(Level)),
                draw.choice(["1h", "1d", "page", "flight", "calendar_day"]),
            )
            for _ in range(draw.randrange(3))
        ),
        without_reader=draw.choice(list(Without)),
    )
