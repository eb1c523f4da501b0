"""Who may stand in a slot: targeting, dates, exclusions and widths, against a plain reading of the rules."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine import topics
from adengine.catalog.compile import compile_snapshot
from adengine.catalog.dimensions import DIMENSIONS
from adengine.catalog.nouns import Among, Facts, Flight, Targeting
from adengine.catalog.snapshot import Snapshot
from adengine.serving.eligibility import Room, excluding, targeting
from adengine.serving.hurdles import ByCreative, furthest_reason, refusals, survivors
from adengine.serving.request import SlotAsked
from adengine.texts import FONT_CLASSES, longest_that_fits
from tests.builders import NOW_S, a_catalogue, a_creative, a_flight, a_slot, a_snapshot, among

TAXONOMY = topics.load()
REMER, CASS, MINNESOTA, US, PARIS = 5, 4, 3, 2, 9
SPORTS, FANTASY = "483", "508"


def flights_admitted(snapshot: Snapshot, facts: Facts, now_s: int = NOW_S) -> set[int]:
    rows = survivors(list(targeting(snapshot, replace(facts, now_s=now_s))), everybody(snapshot))
    return set(snapshot.candidates.flight[rows].tolist())


def everybody(snapshot: Snapshot) -> np.ndarray:
    return np.arange(len(snapshot.candidates))


def in_remer(**facts: object) -> Facts:
    return Facts(**{"places": (REMER, CASS, MINNESOTA, US), "slot": "article-header", "position": "header"} | facts)


def aimed(id: int, **targeting: Among | str) -> Flight:
    return a_flight(id=id, targeting=Targeting(**targeting))


def test_a_place_targets_its_whole_subtree_and_nothing_beside_it() -> None:
    flights = [aimed(place, places=among(str(place))) for place in (REMER, MINNESOTA, US, PARIS)]
    assert flights_admitted(a_snapshot(*flights), in_remer()) == {REMER, MINNESOTA, US}


def test_an_unknown_place_admits_only_who_asks_for_none() -> None:
    flights = [aimed(1, places=among(str(US))), aimed(2), aimed(3, places=among(exclude=(str(PARIS),)))]
    assert flights_admitted(a_snapshot(*flights), in_remer(places=())) == {2, 3}


def test_an_exclusion_wins_over_an_inclusion() -> None:
    flights = [
        aimed(1, places=among(str(US), exclude=(str(MINNESOTA),))),
        aimed(2, places=among(str(REMER), exclude=(str(PARIS),))),
    ]
    assert flights_admitted(a_snapshot(*flights), in_remer()) == {2}


def test_dimensions_are_joined_by_and_values_by_or() -> None:
    flights = [
        aimed(1, places=among(str(US), str(PARIS)), positions=among("rail", "header")),
        aimed(2, places=among(str(US)), positions=among("rail")),
        aimed(3, slots=among("article-header"), positions=among("header")),
    ]
    assert flights_admitted(a_snapshot(*flights), in_remer()) == {1, 3}


def test_a_topic_matches_its_subtree_or_exactly() -> None:
    snapshot = a_snapshot(
        aimed(1, topics=among(SPORTS)),
        aimed(2, topics=among(SPORTS), topic_match="exact"),
        aimed(3, topics=among(FANTASY), topic_match="exact"),
        aimed(4, topics=among(exclude=(SPORTS,)), topic_match="exact"),
    )
    tagged_below = in_remer(topics=(FANTASY,), topics_above=TAXONOMY.ancestors(FANTASY)[1:])
    assert TAXONOMY.ancestors(FANTASY) == (FANTASY, SPORTS)
    assert flights_admitted(snapshot, tagged_below) == {1, 3}
    assert flights_admitted(snapshot, in_remer(topics=(SPORTS,))) == {1, 2}
    assert flights_admitted(snapshot, in_remer()) == {4}


def test_related_topics_are_those_at_a_relatedness_of_two_fifths() -> None:
    snapshot = a_snapshot(aimed(1, topics=among(FANTASY), topic_match="related"))
    for topic in ("386", SPORTS, "484", FANTASY, "150"):
        facts = in_remer(topics=(topic,), topics_above=TAXONOMY.ancestors(topic)[1:], related=TAXONOMY.related)
        assert (flights_admitted(snapshot, facts) == {1}) is (TAXONOMY.relatedness(topic, FANTASY) >= 0.4)


def test_what_no_flight_targets_is_not_worked_out() -> None:
    def asked(name: str) -> Callable[[Facts], tuple[str, ...]]:
        return lambda _: pytest.fail(f"{name} was worked out")

    rows = tuple(replace(row, values=asked(row.name), holding=None) for row in DIMENSIONS if row.name != "devices")
    devices = next(row for row in DIMENSIONS if row.name == "devices")
    flight = a_flight(targeting=Targeting(further={"devices": among("phone")}))
    snapshot = compile_snapshot(a_catalogue(flight), NOW_S, (*rows, devices))
    hurdles = list(targeting(snapshot, in_remer(user_agent="curl/8.5.0", now_s=NOW_S)))
    assert [(hurdle.detail, hurdle.passes(everybody(snapshot)).tolist()) for hurdle in hurdles] == [
        ("device", [False]),
        (None, [True]),
    ]


def test_nobody_matches_in_an_empty_catalogue() -> None:
    hurdles = list(targeting(a_snapshot(), in_remer()))
    assert furthest_reason(hurdles, np.empty(0, np.int64)) == "no_match"


def test_a_flight_runs_from_its_first_second_to_before_its_last() -> None:
    snapshot = a_snapshot(a_flight(starts_at_s=NOW_S, ends_at_s=NOW_S + 10))
    running = [second for second in range(-2, 13) if flights_admitted(snapshot, in_remer(), NOW_S + second)]
    assert running == list(range(10))


VALUES = st.sampled_from(["1", "2", "3", "4"])
AMONG = st.builds(
    Among,
    include=st.lists(VALUES, max_size=2, unique=True).map(tuple),
    exclude=st.lists(VALUES, max_size=1).map(tuple),
)
TARGETING = st.builds(
    Targeting,
    places=AMONG,
    topics=AMONG,
    topic_match=st.sampled_from(["subtree", "exact"]),
    slots=AMONG,
    positions=AMONG,
)
FACTS = st.builds(
    Facts,
    places=st.lists(st.integers(1, 4), max_size=3, unique=True).map(tuple),
    topics=st.lists(VALUES, max_size=2, unique=True).map(tuple),
    topics_above=st.lists(VALUES, max_size=2, unique=True).map(tuple),
    slot=VALUES,
    position=VALUES,
)


@given(targetings=st.lists(TARGETING, min_size=1, max_size=6), facts=FACTS)
@settings(max_examples=400, deadline=None)
def test_matching_agrees_with_a_plain_reading_of_the_rules(targetings: list[Targeting], facts: Facts) -> None:
    snapshot = a_snapshot(*[a_flight(id=n + 1, targeting=targeting) for n, targeting in enumerate(targetings)])
    expected = {n + 1 for n, targeting in enumerate(targetings) if plainly_admits(targeting, facts)}
    assert flights_admitted(snapshot, facts) == expected


def plainly_admits(targeting: Targeting, facts: Facts) -> bool:
    def admits(wanted: Among, values: set[str], excludable: set[str]) -> bool:
        if any(value in excludable for value in wanted.exclude):
            return False
        return not wanted.include or any(value in values for value in wanted.include)

    places = {str(place) for place in facts.places}
    tagged, covered = set(facts.topics), {*facts.topics, *facts.topics_above}
    return (
        admits(targeting.places, places, places)
        and admits(targeting.topics, tagged if targeting.topic_match == "exact" else covered, covered)
        and admits(targeting.slots, {facts.slot}, {facts.slot})
        and admits(targeting.positions, {facts.position}, {facts.position})
    )


@given(
    texts=st.lists(
        st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True).map(sorted), min_size=1, max_size=4
    ),
    max_width_px=st.none() | st.floats(1, 500),
    font_px=st.none() | st.floats(8, 32),
    max_chars=st.none() | st.integers(1, 60),
    font=st.sampled_from(FONT_CLASSES),
)
@settings(max_examples=300, deadline=None)
def test_a_creative_fits_exactly_when_the_chooser_finds_a_line(
    texts: list[list[int]], max_width_px: float | None, font_px: float | None, max_chars: int | None, font: str
) -> None:
    creatives = tuple(
        a_creative(id=n + 1, texts=tuple((f"v{k}", "x" * k) for k in lengths)) for n, lengths in enumerate(texts)
    )
    snapshot = a_snapshot(a_flight(), creatives=creatives)
    slot = a_slot(font=font)
    asked = SlotAsked(id="a", slot=slot.name, max_width_px=max_width_px, font_px=font_px, max_chars=max_chars)
    room = Room(asked, slot)
    fits = room.creatives(snapshot).tolist()
    assert [hurdle.passes(everybody(snapshot)).tolist() for hurdle in room.hurdles(snapshot)] == [fits] * bool(
        room.limits
    )
    assert room.flights(snapshot).tolist() == [any(fits)]
    assert not room.limits or [room.holds(snapshot, row) for row in range(len(creatives))] == fits
    assert fits == [
        longest_that_fits(
            creative.variants,
            label=slot.label,
            label_em=slot.label_em,
            font=font,
            font_px=font_px or slot.font_px,
            max_width_px=max_width_px,
            max_chars=max_chars,
        )
        is not None
        for creative in snapshot.creatives
    ]


def test_the_page_may_exclude_advertisers_and_categories_with_all_below_them() -> None:
    flights = [a_flight(id=n, campaign=n, advertiser=n) for n in (1, 2, 3, 4)]
    creatives = tuple(
        a_creative(id=n, campaign=n, advertiser=n, categories=categories)
        for n, categories in {1: (), 2: (FANTASY,), 3: ("150",), 4: ()}.items()
    )
    snapshot = a_snapshot(*flights, creatives=creatives)
    for advertisers, excluded, left in (([4], SPORTS, [0, 2]), ([], FANTASY, [0, 2, 3]), ([1], "150", [1, 3])):
        hurdles = list(excluding(snapshot, advertisers, frozenset({excluded}), TAXONOMY))
        assert survivors(hurdles, everybody(snapshot)).tolist() == left
        assert [row for row in range(4) if all(hurdle.admits(row) for hurdle in hurdles)] == left


MASKS = st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=5)


@given(masks=MASKS, among=st.lists(st.booleans(), min_size=5, max_size=5))
def test_refusals_survivors_and_the_furthest_reason_tell_one_story(masks: list[list[bool]], among: list[bool]) -> None:
    flights = [a_flight(n, campaign=n, advertiser=n) for n in range(5)]
    candidates = a_snapshot(*flights).candidates
    hurdles = [ByCreative(candidates, f"reason-{n}", np.array(mask)) for n, mask in enumerate(masks)]
    first = refusals(hurdles, np.arange(5))
    assert survivors(hurdles, np.arange(5)).tolist() == [row for row in range(5) if first[row] == len(hurdles)]
    got = [int(first[row]) for row in range(5) if among[row]]
    reason = furthest_reason(hurdles, np.flatnonzero(among))
    if not got:
        assert reason == "reason-0"
    else:
        assert reason == (None if max(got) == len(hurdles) else f"reason-{max(got)}")
