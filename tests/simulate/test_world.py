"""The simulated world and its book: seeded, as busy as asked for, and sold as far as asked for."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest

from adengine.errors import Invalid
from adengine.simulate.book import booked
from adengine.simulate.requests import MISTAKES_MAX, read_log
from adengine.simulate.run import SEEN_PART
from adengine.simulate.world import DAY_S, PLACES, SLOTS, STARTS_S, TOPICS, World
from tests.simulate.offline import most_clicks

WORLD = World(seed=7, days=3, pages_a_day=4000)


def test_the_same_seed_makes_the_same_pages_and_another_one_others() -> None:
    first = list(islice(WORLD.pages(), 500))
    assert first == list(islice(WORLD.pages(), 500))
    assert first != list(islice(World(seed=8, days=3, pages_a_day=4000).pages(), 500))


def test_pages_come_in_order_at_the_usual_hours_and_as_often_as_asked_for() -> None:
    pages = list(WORLD.pages())
    assert all(a.at_s <= b.at_s for a, b in pairwise(pages))
    assert pages[0].at_s >= STARTS_S and pages[-1].at_s < WORLD.ends_s
    assert 0.7 * 12_000 < len(pages) < 1.4 * 12_000  # days stray together: 4 sigma of their mean
    hours = Counter((page.at_s - STARTS_S) % DAY_S // 3600 for page in pages)
    assert hours[1] > 3 * hours[8], "eight in the evening against three at night, on Chicago's clocks"
    places = Counter(page.place for page in pages)
    for place, weight in PLACES:
        assert places[place] / len(pages) == pytest.approx(weight / 100, abs=0.03)
    often = Counter(page.reader for page in pages).most_common()
    assert often[0][1] > 5 * np.median([n for _, n in often])


def test_pages_are_counted_by_day_and_spot() -> None:
    counted = WORLD.counted()
    assert counted.shape == (3, len(PLACES), len(TOPICS))
    assert counted.sum() == sum(1 for _ in WORLD.pages())
    first = [page for page in WORLD.pages() if page.at_s < STARTS_S + DAY_S]
    assert counted[0, 1, 2] == sum((page.place, page.topic) == (PLACES[1][0], TOPICS[2][0]) for page in first)


@pytest.mark.parametrize("sold", [0.5, 1.2])
def test_goals_grow_with_what_is_sold(sold: float) -> None:
    def goals(part: float) -> list[int]:
        return [booking.flight["goal"]["impressions"] for booking in booked(WORLD, 10, part, 0.8)[:10]]

    assert sum(goals(sold)) == pytest.approx(sold * sum(goals(1.0)), rel=0.01)


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_book_is_sold_as_far_as_it_says_and_can_be_delivered(seed: int) -> None:
    """Of all lines that will be seen; a linear programme finds a plan for all goals."""
    world = World(seed=seed, days=3, pages_a_day=4000)
    goals = [booking.flight["goal"]["impressions"] for booking in booked(world, 40, 0.85, SEEN_PART)[:40]]
    lines = SEEN_PART * len(SLOTS) * world.counted().sum()
    assert 0.78 < sum(goals) / lines < 0.86
    assert most_clicks(world, 40, 0.85, goals) > 0


def test_a_book_has_flights_with_goals_a_network_flight_and_a_house_line() -> None:
    made = booked(WORLD, 5, 0.85, 0.8)
    assert [booking.flight.get("tier") for booking in made] == [None] * 5 + ["network", "house"]
    assert all("goal" in booking.flight for booking in made[:5])
    assert made == booked(WORLD, 5, 0.85, 0.8)
    assert booked(World(seed=1, days=1, pages_a_day=10), 3, 1.0, 0.8)[0].flight["ends_at"] == "2025-09-02T00:00:00Z"


REQUEST = '{"slots": [{"slot": "a"}]}'


def test_a_log_of_requests_is_read_in_the_order_of_time() -> None:
    lines = [
        f'{{"at": "2025-09-01T12:00:05+00:00", "request": {REQUEST}}}',
        "",
        f'{{"at": 1756728000, "request": {REQUEST}}}',
    ]
    assert [arrival.at_s for arrival in read_log(line.encode() for line in lines)] == [1756728000, 1756728005]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "line 2"),
        ("[]", "must be"),
        ('{"at": "2025-09-01T12:00:00", "request": {}}', "/slots"),
        (f'{{"at": "2025-09-01T12:00:00", "request": {REQUEST}}}', "zone"),
        (f'{{"at": true, "request": {REQUEST}}}', "zone"),
        (f'{{"request": {REQUEST}}}', "must be"),
        (f'{{"at": 0, "request": {REQUEST}}}', "between 2001 and 2105"),
        (f'{{"at": 1e30, "request": {REQUEST}}}', "between 2001 and 2105"),
        (f'{{"at": "0001-01-01T00:00:00Z", "request": {REQUEST}}}', "between 2001 and 2105"),
        (f'{{"at": 1756728000, "request": {{"page": {{"text": "{"x" * 70_000}"}}, "slots": [1]}}}}', "65536 bytes"),
    ],
)
def test_a_line_that_is_no_request_is_named(line: str, said: str) -> None:
    good = f'{{"at": 1756728000, "request": {REQUEST}}}'
    with pytest.raises(Invalid) as caught:
        read_log(text.encode() for text in (good, line))
    (mistake,) = caught.value.mistakes
    assert mistake.pointer == "line 2:" and said in f"{mistake.pointer} {mistake.detail}"


def test_an_empty_log_and_one_full_of_mistakes_are_refused() -> None:
    with pytest.raises(Invalid, match="1 mistake"):
        read_log([])
    with pytest.raises(Invalid) as caught:
        read_log([b"x"] * 500)
    assert len(caught.value.mistakes) == MISTAKES_MAX
