"""The compiled catalogue: candidates, guards, boundaries, and a new dimension by one row."""

from dataclasses import replace

import numpy as np
import pytest

from adengine.catalog.compile import DAY_S, LEAD_S, RETENTION_S_MIN, compile_snapshot
from adengine.catalog.dimensions import DIMENSIONS, dimension
from adengine.catalog.guards import Guard
from adengine.catalog.nouns import Facts, Goal, Level, Rotation, Targeting, Tier, Unit
from adengine.catalog.snapshot import Snapshot
from adengine.serving.eligibility import targeting
from adengine.serving.hurdles import survivors
from tests.builders import NOW_S, a_cap, a_catalogue, a_creative, a_flight, a_site, a_snapshot, among


def guards(snapshot: Snapshot, flight: int) -> set[Guard]:
    return set(snapshot.guards_of(snapshot.flight_row[flight]))


def test_a_candidate_is_a_flight_with_each_creative_of_its_own_campaign() -> None:
    snapshot = a_snapshot(
        a_flight(1, campaign=1),
        a_flight(2, campaign=2),
        a_flight(3, campaign=2),
        a_flight(4, campaign=9),
        creatives=(a_creative(10, campaign=1), a_creative(20, campaign=2), a_creative(21, campaign=2)),
    )
    pairs = set(zip(snapshot.candidates.flight.tolist(), snapshot.candidates.creative.tolist(), strict=True))
    assert pairs == {(1, 10), (2, 20), (2, 21), (3, 20), (3, 21)}


def test_candidates_stand_in_order_of_tier_and_priority() -> None:
    flights = [
        a_flight(n, campaign=n, tier=tier, priority=priority)
        for n, (tier, priority) in enumerate(
            [(Tier.HOUSE, 1), (Tier.NETWORK, 10), (Tier.SPONSORSHIP, 10), (Tier.STANDARD, 2), (Tier.STANDARD, 1)]
        )
    ]
    assert a_snapshot(*flights).candidates.flight.tolist() == [2, 4, 3, 1, 0]


def test_goals_of_a_tier_are_one_class_before_all_that_have_none() -> None:
    goal, share = Goal(unit=Unit.CLICKS, amount=9), Goal(unit=Unit.SHARE, amount=0.5)
    booked: list[tuple[Tier, int, Goal | None]] = [
        (Tier.STANDARD, 1, None), (Tier.STANDARD, 9, goal), (Tier.STANDARD, 2, goal), (Tier.NETWORK, 1, goal),
        (Tier.SPONSORSHIP, 2, share), (Tier.SPONSORSHIP, 1, goal), (Tier.SPONSORSHIP, 2, None),
    ]  # fmt: skip
    flights = [
        a_flight(n, campaign=n, tier=tier, priority=priority, goal=target)
        for n, (tier, priority, target) in enumerate(booked)
    ]
    candidates = a_snapshot(*flights).candidates
    by_class = [candidates.flight[candidates.rank[:] == rank].tolist() for rank in np.unique(candidates.rank[:])]
    assert by_class == [[5], [4], [6], [1, 2], [0], [3]]


@pytest.mark.parametrize(
    ("per", "guarded"),
    [
        (Level.FLIGHT, {1}),
        (Level.CREATIVE, {1, 2}),
        (Level.CAMPAIGN, {1, 2}),
        (Level.ADVERTISER, {1, 2, 3}),
    ],
)
def test_a_cap_guards_the_thing_it_names_whichever_flight_shows_it(per: Level, guarded: set[int]) -> None:
    snapshot = a_snapshot(
        a_flight(1, campaign=1, advertiser=1, caps=(a_cap(3, per),)),
        a_flight(2, campaign=1, advertiser=1),
        a_flight(3, campaign=2, advertiser=1),
        a_flight(4, campaign=3, advertiser=2),
    )
    expected = Guard(level=per, limit=3, window="1d", owner=1)
    assert {flight: guards(snapshot, flight) for flight in (1, 2, 3, 4)} == {
        flight: {expected} if flight in guarded else set() for flight in (1, 2, 3, 4)
    }
    assert {
        flight.id for flight, is_guarded in zip(snapshot.flights, snapshot.guarded, strict=True) if is_guarded
    } == guarded


def test_of_caps_that_count_the_same_the_tightest_guards() -> None:
    snapshot = a_snapshot(
        a_flight(1, caps=(a_cap(5, Level.CAMPAIGN), a_cap(9, Level.CAMPAIGN, "7d"))),
        a_flight(2, caps=(a_cap(2, Level.CAMPAIGN),)),
    )
    assert {(guard.limit, guard.window) for guard in guards(snapshot, 1)} == {(2, "1d"), (9, "7d")}


def test_lifetimes_are_counted_apart_for_each_flight_that_set_one() -> None:
    snapshot = a_snapshot(
        a_flight(1, caps=(a_cap(5, Level.CAMPAIGN, "flight"), a_cap(2, Level.CREATIVE, "flight"))),
        a_flight(2, caps=(a_cap(3, Level.CAMPAIGN, "flight"), a_cap(3, Level.FLIGHT, "flight"), a_cap(1))),
        a_flight(3),
        creatives=(a_creative(7, campaign=1),),
    )
    shared = {(1, Level.CAMPAIGN, 1), (1, Level.CREATIVE, 7), (2, Level.CAMPAIGN, 1)}
    assert set(snapshot.lifetimes(1, 7)) == shared
    assert set(snapshot.lifetimes(2, 7)) == shared | {(2, Level.FLIGHT, 2)}
    assert set(snapshot.lifetimes(3, 7)) == shared
    assert snapshot.lifetimes(99, 7) == ()


def test_a_cap_guards_from_a_minute_before_its_flight_to_its_end() -> None:
    def guarded_at(now_s: int) -> bool:
        brief = a_flight(1, starts_at_s=NOW_S, ends_at_s=NOW_S + DAY_S, caps=(a_cap(1, Level.CAMPAIGN),))
        return bool(guards(a_snapshot(brief, a_flight(2), now_s=now_s), 2))

    assert [guarded_at(NOW_S + at) for at in (-LEAD_S - 1, -LEAD_S, 0, DAY_S - 1, DAY_S)] == [
        False, True, True, True, False,
    ]  # fmt: skip


def test_the_next_boundary_is_when_the_guards_next_change() -> None:
    catalogue = a_catalogue(
        a_flight(1, starts_at_s=NOW_S, ends_at_s=NOW_S + 1000), a_flight(2, starts_at_s=NOW_S + 500), a_flight(3)
    )
    seen = []
    now_s: int | None = NOW_S - 10 * DAY_S
    while now_s is not None:
        now_s = compile_snapshot(catalogue, now_s).next_boundary_s
        seen.append(now_s)
    assert seen == [NOW_S - DAY_S - LEAD_S, NOW_S - LEAD_S, NOW_S + 500 - LEAD_S, NOW_S + 1000, None]


def test_the_longest_window_says_how_long_the_reader_log_is_kept() -> None:
    assert a_snapshot(a_flight(caps=(a_cap(window="24h"),))).retention_s == RETENTION_S_MIN
    assert a_snapshot(a_flight(caps=(a_cap(window="30d"),))).retention_s >= 30 * DAY_S


@pytest.mark.parametrize(
    ("host", "site"),
    [("news.example", 1), ("WWW.News.Example.", 1), ("sport.news.example", 2), ("a.sport.news.example", 2),
     ("example", None), ("badnews.example", None), ("", None)],
)  # fmt: skip
def test_a_host_belongs_to_the_site_of_its_nearest_domain(host: str, site: int | None) -> None:
    sites = (a_site(1), a_site(2, domains=("sport.news.example",)))
    assert a_snapshot(sites=sites).site_of(host) == site


def test_a_click_finds_the_address_of_a_version_that_pages_still_hold() -> None:
    shown = a_creative(1, version=2, landing_url="https://new.example/")
    snapshot = a_snapshot(a_flight(), creatives=(shown,), landings=((1, 1, "https://old.example/"),))
    assert snapshot.landing(1, 1) == "https://old.example/"
    assert snapshot.landing(1, 2) == "https://new.example/"
    assert snapshot.landing(1, 3) is None


def test_an_empty_catalogue_compiles() -> None:
    snapshot = a_snapshot(sites=(), slots=())
    assert len(snapshot.candidates) == 0 and snapshot.next_boundary_s is None


def test_a_dimension_is_added_by_one_row() -> None:
    moods = dimension("moods", about="A mood.", refusal="mood", accept=lambda value, _: str(value))
    flights = [
        a_flight(1, targeting=Targeting(further={"moods": among("joy")})),
        a_flight(2, targeting=Targeting(further={"moods": among(exclude=("joy",))})),
        a_flight(3),
    ]
    snapshot = compile_snapshot(a_catalogue(*flights), NOW_S, (*DIMENSIONS, moods))
    in_joy = Facts(slot="article-header", position="header", further={"moods": ("joy",)})
    for facts, expected in ((in_joy, {1, 3}), (replace(in_joy, further={}), {2, 3})):
        hurdles = list(targeting(snapshot, replace(facts, now_s=NOW_S)))
        assert "mood" in {hurdle.detail for hurdle in hurdles}
        assert set(snapshot.candidates.flight[survivors(hurdles, np.arange(3))].tolist()) == expected


def test_weights_of_creatives_hold_in_weighted_campaigns_alone() -> None:
    creatives = (a_creative(1, weight=3.0), a_creative(2, campaign=2, weight=3.0))
    flights = (a_flight(1), a_flight(2, campaign=2, rotation=Rotation.EVEN))
    assert a_snapshot(*flights, creatives=creatives).candidates.creative_weight.tolist() == [3.0, 1.0]


def test_a_sequence_is_kept_in_the_readers_log_without_being_guarded() -> None:
    creatives = tuple(a_creative(n, campaign=n) for n in (1, 2, 3))
    flights = (
        a_flight(1, caps=(a_cap(),)),
        a_flight(2, campaign=2, rotation=Rotation.SEQUENTIAL),
        a_flight(3, campaign=3),
    )
    snapshot = a_snapshot(*flights, creatives=creatives)
    assert snapshot.guarded.tolist() == [True, False, False] and snapshot.logged.tolist() == [True, True, False]
