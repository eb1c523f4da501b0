"""Nearest place first: among equals, each step nearer to the reader multiplies a flight's chance, and is explained."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from adengine.catalog.dimensions import DIMENSIONS, targeting_of
from adengine.catalog.nouns import Flight, Roadblock
from adengine.serving.draw import Floats
from adengine.serving.page import allocate
from adengine.topics import Taxonomy
from tests.builders import a_flight, a_site, a_slot
from tests.serving.books import a_book
from tests.serving.conftest import Open
from tests.serving.test_page import FALSE_ALARM, chi_square_tail

DRAWS = 2000


def aimed(number: int, document: dict[str, Any], **fields: Any) -> Flight:
    targeting = targeting_of(document, DIMENSIONS)
    return a_flight(number, campaign=number, advertiser=number, targeting=targeting, **fields)


def at_places(shop: Any, *places: str | None) -> list[Flight]:
    """One flight aimed at each; None: anywhere."""
    ids = [None if place is None else str(shop.gazetteer.resolve(place).place.id) for place in places]
    return [
        aimed(number, {} if id_ is None else {"places": {"include": [id_]}}) for number, id_ in enumerate(ids, start=1)
    ]


def chances_of(weights: dict[int, float]) -> dict[int, float]:
    return {number: weight / sum(weights.values()) for number, weight in weights.items()}


def told(shop: Any, **page: Any) -> dict[str, Any]:
    """By flight, what its closeness is."""
    (fill,) = shop(explain=True, preview=True, **page)["fills"]
    return {entry["flight"]: entry for entry in fill["explain"]["list"]}


def test_each_step_nearer_counts_and_is_told(kiosk: Open) -> None:
    shop = kiosk()
    shop.book(*at_places(shop, "Remer,MN", "Cass County, MN", "Minnesota, US", "US", None))
    entries = told(shop, place="Remer,MN")
    steps = {flight: entry["closeness"]["steps"] for flight, entry in entries.items()}
    assert steps == {"flt_1": 4, "flt_2": 3, "flt_3": 2, "flt_4": 1, "flt_5": 0}
    assert [entry["score"] for entry in entries.values()] == [round(3**n / 121, 6) for n in (4, 3, 2, 1, 0)]
    nowhere = told(shop)
    assert nowhere["flt_5"]["closeness"] == {"steps": 0, "related": 1.0, "factor": 1.0}
    assert nowhere["flt_5"]["score"] == 1.0 and nowhere["flt_1"]["reason"] == "no_match"


@pytest.mark.parametrize("nearness", [1.0, 3.0])
def test_flights_are_drawn_so(kiosk: Open, nearness: float) -> None:
    """χ² of 2000 pages; false alarm 1e-4."""
    shop = kiosk()
    shop.book(*at_places(shop, "Minnesota, US", "US", None), sites=(a_site(nearness=nearness),))
    pages = (shop(preview=True, place="Remer,MN", seed=seed)["fills"][0] for seed in range(DRAWS))
    counts = Counter(int(fill["creative"]["flight"].removeprefix("flt_")) for fill in pages)
    assert chi_square_tail(counts, chances_of({1: nearness**2, 2: nearness, 3: 1.0})) > FALSE_ALARM


@pytest.mark.parametrize("scores", [None, np.full(3, 2.0)], ids=["by weight", "by score"])
def test_so_they_are_where_all_are_looked_at(scores: Floats | None) -> None:
    """χ² of 2000 draws; false alarm 1e-4."""
    book = a_book({"weight": 2.0}, {"weight": 2.0}, {"weight": 2.0})
    factors = np.array([9.0, 3.0, 1.0])
    rows = np.arange(3)
    drawn = [allocate(book, [rows], seed, scores=scores, factors=[lambda of: factors[of]]) for seed in range(DRAWS)]
    counts = Counter(int(row) for (row,) in drawn if row is not None)
    assert chi_square_tail(counts, chances_of(dict(enumerate(factors.tolist())))) > FALSE_ALARM


def test_a_page_that_looks_at_all_goes_by_closeness_too(kiosk: Open) -> None:
    """Somebody who wants whole pages has everybody looked at; the nearer one is first in ever more pages of two."""
    near = Counter[bool]()
    for nearness in (1.0, 10.0):
        shop = kiosk()
        flights = at_places(shop, "Remer,MN", None, None, None)
        flights.append(a_flight(9, campaign=9, advertiser=9, roadblock=Roadblock.ALL, weight=0.001))
        slots = (a_slot(1, name="a"), a_slot(2, name="b", position="rail"))
        shop.book(*flights, sites=(a_site(nearness=nearness),), slots=slots)
        for seed in range(200):
            fills = shop(preview=True, place="Remer,MN", slots=["a", "b"], seed=seed)["fills"]
            near[nearness > 1] += "flt_1" in {fill["creative"]["flight"] for fill in fills}
    assert near[False] < 150 and near[True] > 190


def test_a_circle_is_as_near_as_a_place_of_its_size(kiosk: Open) -> None:
    circles = [f"47.05,-93.9,{km}" for km in (25.0, 26.0, 101.0, 501.0)]
    shop = kiosk(*[aimed(n, {"radius": {"include": [circle]}}) for n, circle in enumerate(circles, 1)])
    entries = told(shop, place="Remer,MN")
    assert [entry["closeness"]["steps"] for entry in entries.values()] == [4, 3, 2, 1]


def test_the_nearest_of_what_a_flight_names_counts_once(kiosk: Open) -> None:
    shop = kiosk()
    country, town = (str(shop.gazetteer.resolve(place).place.id) for place in ("US", "Remer,MN"))
    circle = "47.05,-93.9,60.0"
    shop.book(
        aimed(1, {"places": {"include": [country, town]}}),
        aimed(2, {"places": {"include": [country]}, "radius": {"include": [circle]}}),
        aimed(3, {"places": {"exclude": [str(shop.gazetteer.resolve("Wisconsin, US").place.id)]}}),
    )
    entries = told(shop, place="Remer,MN")
    assert [entry["closeness"]["steps"] for entry in entries.values()] == [4, 3, 0]


def test_a_related_topic_counts_by_how_related_it_is(kiosk: Open) -> None:
    shop = kiosk()
    taxonomy: Taxonomy = shop.taxonomy
    page = "483"
    near = sorted(taxonomy.related(page) - {page}, key=lambda topic: (taxonomy.relatedness(page, topic), topic))
    wanted = [page, near[0], near[-1]]
    flights = [aimed(n, {"topics": {"include": [t], "match": "related"}}) for n, t in enumerate(wanted, 1)]
    flights.append(aimed(4, {"topics": {"include": [page]}}))
    shop.book(*flights)
    entries = told(shop, topics=[page])
    expected = [1.0, *(round(taxonomy.relatedness(page, topic), 6) for topic in wanted[1:]), 1.0]
    assert [entry["closeness"]["related"] for entry in entries.values()] == expected
    assert expected[1] < 1
    total = sum(expected)
    assert [entry["score"] for entry in entries.values()] == pytest.approx([e / total for e in expected], abs=2e-6)
