"""Creatives of a campaign take turns as it asks: evenly, by weight, by what was learnt, or one after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from adengine.catalog.nouns import Roadblock, Rotation
from adengine.learning.cells import EVERYWHERE, Cell
from adengine.learning.learnt import Learnt
from tests.builders import a_cap, a_creative, a_flight, a_slot
from tests.serving.kiosk import Kiosk

Open = Callable[..., Kiosk]
CREATIVES = tuple(a_creative(n, weight=weight) for n, weight in ((1, 1.0), (2, 3.0), (3, 6.0)))
PAGES = 2000
CHI_2 = 18.42
"""χ² with 2 degrees of freedom, 1e-4."""


def shown(shop: Kiosk, **page: Any) -> int:
    return int(shop(**page)["fills"][0]["creative"]["id"].removeprefix("crt_"))


def statistic(shop: Kiosk, parts: dict[int, float], **page: Any) -> float:
    """χ² of `PAGES` page views with fixed ids."""
    counts = Counter(shown(shop, preview=True, **page) for _ in range(PAGES))
    return sum((counts[n] - PAGES * part) ** 2 / (PAGES * part) for n, part in parts.items())


def a_shop(kiosk: Open, rotation: Rotation, **fields: Any) -> Kiosk:
    return kiosk(a_flight(rotation=rotation, **fields), creatives=CREATIVES)


ALIKE = {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}
CHANCES = {1: 0.6, 2: 0.3, 3: 0.1}


@pytest.mark.parametrize(
    ("rotation", "parts"),
    [(Rotation.EVEN, ALIKE), (Rotation.WEIGHTED, {1: 0.1, 2: 0.3, 3: 0.6}), (Rotation.OPTIMISE, ALIKE)],
)
def test_creatives_are_drawn_as_the_campaign_asks(kiosk: Open, rotation: Rotation, parts: dict[int, float]) -> None:
    assert statistic(a_shop(kiosk, rotation), parts) < CHI_2


@pytest.mark.parametrize("roadblock", [Roadblock.NONE, Roadblock.ALL])
def test_optimised_ones_are_drawn_by_what_was_learnt_of_the_cell(kiosk: Open, roadblock: Roadblock) -> None:
    """Also where all candidates are looked at, because somebody wants all slots."""
    shop = a_shop(kiosk, Rotation.OPTIMISE, roadblock=roadblock)
    shop.book(*shop.snapshot.flights, creatives=CREATIVES, slots=(a_slot(1), a_slot(2, name="b")))  # type: ignore[union-attr]
    taxonomy, gazetteer = shop.taxonomy, shop.gazetteer
    sports, place = taxonomy.resolve("sports"), gazetteer.resolve("Minnesota").place
    assert sports is not None and place is not None
    shop.learnt = Learnt(
        number=1, chances={EVERYWHERE: CHANCES, Cell(sports.number, place.id): {1: 0.1, 2: 0.1, 3: 0.8}}
    )
    both = {"slots": ["article-header", "b"]} if roadblock is Roadblock.ALL else {}
    assert statistic(shop, CHANCES, **both) < CHI_2
    here = {"place": "Remer,MN", "topics": ["fantasy-sports"]}
    assert statistic(shop, {1: 0.1, 2: 0.1, 3: 0.8}, **here, **both) < CHI_2


def test_an_explanation_tells_the_learnt_chances(kiosk: Open) -> None:
    shop = a_shop(kiosk, Rotation.OPTIMISE)
    shop.learnt = Learnt(number=1, chances={EVERYWHERE: CHANCES})
    told = shop(explain=True)["fills"][0]["explain"]["list"]
    assert {entry["creative"]: entry["score"] for entry in told} == {"crt_1": 0.6, "crt_2": 0.3, "crt_3": 0.1}


def test_a_creative_of_which_nothing_is_known_is_shown_like_an_average_one(kiosk: Open) -> None:
    shop = a_shop(kiosk, Rotation.OPTIMISE)
    shop.learnt = Learnt(number=1, chances={EVERYWHERE: {1: 0.8, 2: 0.2}})
    assert statistic(shop, {1: 0.8 / 1.5, 2: 0.2 / 1.5, 3: 0.5 / 1.5}) < CHI_2


@pytest.mark.parametrize("caps", [(), (a_cap(100),)])
def test_a_reader_sees_one_after_another(kiosk: Open, caps: tuple[Any, ...]) -> None:
    """Of a sequence without caps the reader's log is kept all the same."""
    shop = a_shop(kiosk, Rotation.SEQUENTIAL, caps=caps)
    assert [shown(shop, reader="a") for _ in range(7)] == [1, 2, 3, 1, 2, 3, 1]
    assert shown(shop, reader="b") == 1 and shown(shop, reader="a") == 2
    shop.now_s += 10_000
    assert shown(shop, reader="a") == 1, "what he was not shown in the end does not count"


def test_a_shown_one_of_a_sequence_is_remembered(kiosk: Open) -> None:
    shop = a_shop(kiosk, Rotation.SEQUENTIAL)
    fill = shop(reader="a")["fills"][0]
    shop.show(fill)
    shop.now_s += 86_400
    assert shown(shop, reader="a") == 2


def test_a_sequence_passes_by_who_is_capped_and_who_does_not_fit(kiosk: Open) -> None:
    short, long = (("brand", "A"),), (("brand", "A line that is far too long for this slot"),)
    creatives = (a_creative(1, texts=short), a_creative(2, texts=long), a_creative(3, texts=short))
    shop = kiosk(a_flight(rotation=Rotation.SEQUENTIAL), creatives=creatives)
    narrow = [{"slot": "article-header", "max_chars": 20}]
    assert [shown(shop, reader="a", slots=narrow) for _ in range(3)] == [1, 3, 1]


def test_without_a_reader_a_sequence_begins_anew_and_is_not_refused(kiosk: Open) -> None:
    shop = a_shop(kiosk, Rotation.SEQUENTIAL)
    assert {shown(shop) for _ in range(5)} == {1}


def test_a_sequence_costs_no_more_than_a_cap(kiosk: Open) -> None:
    shop = a_shop(kiosk, Rotation.SEQUENTIAL)
    shop(reader="another")  # by whom the store learns the script
    shop(reader="a")
    assert shop.round_trips == 2
