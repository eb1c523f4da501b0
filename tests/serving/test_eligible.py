"""What is kept for pages that are alike is what working it out anew would give."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from adengine import topics
from adengine.catalog.dimensions import DIMENSIONS, targeting_of
from adengine.catalog.nouns import Blackout, Facts, Flight, Slot, Targeting, Tier
from adengine.serving.eligibility import Room, targeting
from adengine.serving.eligible import Kept
from adengine.serving.hurdles import furthest_reason, survivors
from adengine.serving.request import SlotAsked
from tests.builders import DAY_S, NOW_S, a_creative, a_flight, a_site, a_slot, a_snapshot, among

SLOTS = (a_slot(1, name="a", position="x"), a_slot(2, name="b", position="y"))
SITE = a_site()
TAXONOMY = topics.load()
WANTED = {
    "places": ("5", "3", "9"), "topics": ("483", "508"), "slots": ("a", "b"), "positions": ("x", "y"),
    "languages": ("en", "de"), "keys": ("k=1", "k=2", "m=1"), "urls": ("news.example/a", "news.example/b"),
    "devices": ("phone",), "weekdays": ("sun", "mon"), "dayparts": ("00:00-06:00",),
}  # fmt: skip


def a_random_flight(chance: random.Random, number: int) -> Flight:
    document = {
        name: {chance.choice(["include", "include", "exclude"]): chance.sample(values, chance.randint(1, len(values)))}
        for name, values in WANTED.items()
        if chance.random() < 0.25
    }
    starts_at_s = NOW_S + chance.choice([-2, -1, 0, 1]) * DAY_S
    return a_flight(
        number,
        campaign=number,
        advertiser=number,
        tier=chance.choice(list(Tier)),
        priority=chance.randint(1, 3),
        targeting=targeting_of(document, DIMENSIONS),
        starts_at_s=starts_at_s,
        ends_at_s=chance.choice([None, starts_at_s + DAY_S]),
        blackouts=chance.choice([(), (Blackout(from_s=NOW_S - 60, to_s=NOW_S + 60),)]),
    )


def a_random_page(chance: random.Random) -> Facts:
    topic = chance.choice(["483", "508", "150"])
    return Facts(
        places=chance.choice([(), (5, 4, 3, 2), (9,)]),
        topics=(topic,),
        topics_above=TAXONOMY.ancestors(topic)[1:],
        slot="",
        position="",
        now_s=NOW_S + chance.choice([-61, -60, 0, 59, 60, DAY_S, DAY_S + 7]),
        lang=chance.choice([None, "en-US", "fr"]),
        url=chance.choice([None, "https://news.example/a/1", "https://news.example/c"]),
        user_agent=chance.choice([None, "curl/8"]),
        keys=chance.choice([{}, {"k": ("1",)}, {"k": ("2",), "m": ("1",)}]),
    )


def test_what_is_kept_is_what_would_be_worked_out() -> None:
    """40 seeded catalogues, 60 pages each: flights and reasons, and one answer for pages that are alike."""
    chance = random.Random(20261123)
    hits = 0
    for _ in range(40):
        flights = [a_random_flight(chance, number) for number in range(1, 13)]
        snapshot = a_snapshot(*flights, slots=SLOTS)
        kept = Kept(snapshot)
        seen: set[int] = set()
        for _ in range(60):
            page = a_random_page(chance)
            asked = (
                SlotAsked(id="a", slot="a", max_chars=chance.choice([None, None, 20])),
                SlotAsked(id="b", slot="b"),
            )

            def facts(slot: Slot, page: Facts = page) -> Facts:
                return replace(page, slot=slot.name, position=slot.position)

            plan = kept.plan(SITE, asked, kept.alike(page), facts)
            hits += id(plan) in seen
            seen.add(id(plan))
            for place, slot_asked in zip(plan.places, asked, strict=True):
                assert place is not None
                everybody = np.arange(len(snapshot.candidates))
                hurdles = [*targeting(snapshot, facts(place.slot)), *Room(slot_asked, place.slot).hurdles(snapshot)]
                left = survivors(hurdles, everybody)
                assert survivors(list(place.room.hurdles(snapshot)), place.eligible.rows()).tolist() == left.tolist()
                assert place.eligible.reason == furthest_reason(hurdles, everybody)
                sponsors = everybody[~snapshot.candidates.house]
                assert place.eligible.reason_of_sponsors == furthest_reason(hurdles, sponsors)
    assert hits > 100


def test_widths_between_which_no_line_ends_are_alike() -> None:
    snapshot = a_snapshot(a_flight(), creatives=(a_creative(),), slots=SLOTS)
    kept = Kept(snapshot)
    page = Facts(slot="", position="", now_s=NOW_S)

    def eligible(width: float):  # type: ignore[no-untyped-def]
        asked = SlotAsked(id="a", slot="a", max_width_px=width)
        place = kept.plan(SITE, (asked,), kept.alike(page), lambda slot: replace(page, slot=slot.name)).places[0]
        assert place is not None
        return place.eligible

    assert eligible(400.0) is eligible(400.5)
    assert eligible(400.0) is not eligible(20.0)
    assert eligible(20.0).reason == "no_variant_fits"


def test_what_is_kept_is_bounded() -> None:
    snapshot = a_snapshot(a_flight(targeting=Targeting(places=among(*map(str, range(500))))), slots=SLOTS)
    kept = Kept(snapshot, bytes_max=20_000)
    asked = (SlotAsked(id="a", slot="a"),)
    for place in range(500):
        page = Facts(places=(place,), slot="", position="", now_s=NOW_S)
        plan = kept.plan(SITE, asked, kept.alike(page), lambda slot, page=page: replace(page, slot=slot.name))  # type: ignore[misc]
        assert plan.places[0] is not None and plan.places[0].eligible.flights.tolist() == [0]
    assert len(kept) <= 40
