"""A crowd is drawn as the same flights listed one by one are (`serving.lots`): the same one for the same lot."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from weakref import ref

import numpy as np
import pytest

from adengine.catalog.nouns import Facts, Roadblock, Targeting, Tier
from adengine.catalog.snapshot import Snapshot
from adengine.pacing.leases import Leases
from adengine.pacing.sheet import empty
from adengine.serving.bitsets import Sets, bits_of, common
from adengine.serving.classes import CROWD_MIN
from adengine.serving.crowd import SHIFT, Crowd, Levels
from adengine.serving.eligibility import targeting
from adengine.serving.eligible import Kept
from adengine.serving.hurdles import survivors
from adengine.serving.lots import LONE_MAX, Entrants, arrivals
from adengine.serving.pace import paced_by
from adengine.serving.request import SlotAsked
from tests.builders import NOW_S, a_flight, a_site, a_slot, a_snapshot, among
from tests.serving.test_page import FALSE_ALARM, chi_square_tail

RANK = 7
ROWS = 4000
SLOT = a_slot(1, name="a")


def sets_of(chance: np.random.Generator, share: float, gap: tuple[int, int]) -> list[np.ndarray]:
    masks = chance.random((3, ROWS)) < share
    masks[0, slice(*gap)] = False
    return [bits_of(mask) for mask in masks]


@pytest.fixture(params=[(0.9, (0, 0), (0, ROWS)), (0.5, (600, 2300), (13, 3333)), (0.45, (0, 1500), (5, 3999))])
def crowd(request: pytest.FixtureRequest) -> tuple[Crowd, Entrants]:
    """One of three seeded crowds, with gaps longer than a block and edges inside of bytes, and the same one listed."""
    share, gap, span = request.param
    chance = np.random.default_rng(20261128)
    sets = sets_of(chance, share, gap)
    weights = chance.lognormal(0, 1, ROWS)
    levels = Levels.of_factors(chance.choice([1.0, 4.0, 16.0], ROWS))
    assert levels is not None
    flights = common(sets, *span)
    listed = Entrants.by_weight(RANK, flights.astype(np.int32), weights[flights] * levels.of(flights))
    return Crowd(RANK, span, sets, flights, weights, levels), listed


def test_a_crowd_has_the_same_flights_at_the_same_places(crowd: tuple[Crowd, Entrants]) -> None:
    ours, listed = crowd
    assert len(ours) == len(listed) > CROWD_MIN >> SHIFT
    assert ours.listed().tolist() == listed.listed().tolist()
    assert ours.log_rates == pytest.approx(listed.log_rates + np.log(ours.total / listed.total))


def test_every_point_of_the_sum_is_somebody_s(crowd: tuple[Crowd, Entrants]) -> None:
    ours, listed = crowd
    scale = ours.total / listed.total
    for at in [0.0, *np.random.default_rng(1).random(3000), 1 - 1e-12, 1.0]:
        place, flight, begin, rate = ours.find(at * ours.total)
        same_place, same_flight, same_begin, same_rate = listed.find(at * listed.total)
        assert (place, flight) == (same_place, same_flight)
        assert (begin, rate) == pytest.approx((same_begin * scale, same_rate * scale))


def test_a_race_is_the_same_race(crowd: tuple[Crowd, Entrants]) -> None:
    """Beyond those who are drawn one by one, too."""
    ours, listed = crowd
    for seed in range(30):
        these, those = (
            [(flight, of.worth(time)) for flight, time, _ in islice(arrivals(of, seed, 0), LONE_MAX + 20)]
            for of in (ours, listed)
        )
        assert [flight for flight, _ in these] == [flight for flight, _ in those]
        assert [worth for _, worth in these] == pytest.approx([worth for _, worth in those])


def test_the_first_is_each_in_proportion_to_his_weight(crowd: tuple[Crowd, Entrants]) -> None:
    """χ² over eight groups of flights, 4000 seeds, against their exact chances."""
    ours, _ = crowd
    firsts = [next(arrivals(ours, seed, 3))[0] for seed in range(4000)]
    rates, group = np.exp(ours.log_rates), ours.listed() % 8
    chances = {number: float(rates[group == number].sum() / rates.sum()) for number in range(8)}
    assert chi_square_tail(Counter(row % 8 for row in firsts), chances) > FALSE_ALARM


def test_chances_that_are_all_alike_have_no_levels() -> None:
    assert Levels.of_factors(np.ones(9)) is None
    many = Levels.of_factors(np.arange(1.0, 1001.0))
    assert many is not None and many.of(np.array([0, 999, 500])).tolist() == [1.0, 1000.0, 501.0]


def test_sets_are_made_once_and_forgotten_when_they_are_many() -> None:
    sets, made = Sets(bytes_max=100), []

    def mask() -> np.ndarray:
        made.append(1)
        return np.ones(80, bool)

    assert sets.of("a", mask) is sets.of("a", mask) and len(made) == 1
    for number in range(11):
        sets.of(number, mask)
    sets.of("a", mask)
    assert len(made) == 13 and sets.made_bytes == 130


def a_crowded_snapshot() -> Snapshot:
    """1500 flights of two classes, most of them of one, aimed at places and topics."""
    chance = random.Random(20261128)
    return a_snapshot(
        *(
            a_flight(
                number,
                campaign=number,
                tier=Tier.HOUSE if number % 97 == 0 else Tier.STANDARD,
                weight=chance.uniform(0.5, 4.0),
                targeting=Targeting(
                    places=among(*chance.sample("123", 2)) if number % 3 else among(),
                    topics=among(chance.choice(["483", "508"])) if number % 5 == 0 else among(),
                ),
                roadblock=Roadblock.ALL if number == 700 else Roadblock.NONE,
            )
            for number in range(1, 1501)
        ),
        slots=(SLOT,),
    )


def test_many_eligible_flights_are_what_would_be_worked_out() -> None:
    """For pages of several places: who is eligible, how close, and who is drawn."""
    snapshot = a_crowded_snapshot()
    kept, site = Kept(snapshot), a_site()
    kinds = set()
    for places in ((), (1,), (3, 2), (9,)):
        page = Facts(places=places, topics=("483",), slot="a", position=SLOT.position, now_s=NOW_S)
        plan = kept.plan(site, (SlotAsked(id="a", slot="a"),), kept.alike(page), lambda _, page=page: page)  # type: ignore[misc]
        (place,) = plan.places
        assert place is not None
        left = survivors(list(targeting(snapshot, page)), np.arange(len(snapshot.candidates)))
        assert place.eligible.rows().tolist() == left.tolist()
        assert place.eligible.holds(np.arange(1500)).sum() == len(place.eligible.flights)
        assert place.eligible.has_whole_pages == bool(snapshot.candidates.whole_page[left].any())
        entrants = place.eligible.entrants(None)
        assert entrants is not None
        kinds.add(isinstance(entrants[0], Crowd))
        assert isinstance(entrants[0], Crowd) == (len(entrants[0]) > CROWD_MIN)
        flights = [flight for of_class in entrants for flight in of_class.listed().tolist()]
        assert flights == place.eligible.flights.tolist()
        factors = place.eligible.factors
        weights = snapshot.candidates.flight_weight[left] * (factors(left) if factors is not None else 1.0)
        rates = np.concatenate([np.exp(of_class.log_rates) for of_class in entrants])
        crowd = len(entrants[0])
        assert rates[:crowd] / rates[0] == pytest.approx(weights[:crowd] / weights[0])
    assert kinds == {True, False}


def test_a_crowd_of_many_pages_takes_little_memory() -> None:
    """Beside the sets, a kind of page costs 16 bytes for each 512 flights."""
    snapshot = a_crowded_snapshot()
    kept, site = Kept(snapshot), a_site()
    sizes = []
    for now_s in (NOW_S, NOW_S + 1):
        page = Facts(places=(1,), topics=("508",), slot="a", position=SLOT.position, now_s=now_s)
        for width in (None, 5000.0):
            asked = (SlotAsked(id="a", slot="a", max_width_px=width),)
            (place,) = kept.plan(site, asked, kept.alike(page), lambda _, page=page: page).places  # type: ignore[misc]
            assert place is not None
            sizes.append(place.eligible.nbytes)
    assert len(kept) == 2 and min(sizes) < max(sizes) < 12 * len(snapshot.flights)


def test_what_the_pacer_said_before_is_not_kept() -> None:
    """At a million creatives each sheet's scores are 5 MB, and a kind of page may not come again for hours."""
    snapshot = a_crowded_snapshot()
    kept, site = Kept(snapshot), a_site()
    page = Facts(places=(1,), topics=("483",), slot="a", position=SLOT.position, now_s=NOW_S)
    (place,) = kept.plan(site, (SlotAsked(id="a", slot="a"),), kept.alike(page), lambda _: page).places
    assert place is not None
    paced = paced_by(snapshot, empty(), Leases(lambda: 0.0))
    scores = ref(paced.score)
    first = place.eligible.entrants(paced)
    assert first is not None and place.eligible.entrants(paced) is first
    del paced
    assert scores() is None
    again = place.eligible.entrants(paced_by(snapshot, empty(), Leases(lambda: 0.0)))
    assert again is not None and again[0] is first[0], "a crowd that the pacer says nothing about is made once"
