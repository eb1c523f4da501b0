"""Random books and pages for them, seeded: what `serving.fill` and `express` must answer alike."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adengine.catalog.nouns import (
    AtEnd,
    Cap,
    Creative,
    Flight,
    Goal,
    Level,
    Price,
    Roadblock,
    Rotation,
    Slot,
    Targeting,
    Tier,
    Unit,
    Without,
)
from adengine.learning.cells import EVERYWHERE
from adengine.learning.learnt import Learnt
from tests.builders import NOW_S, QWIKET, a_creative, a_flight, a_slot, among

SLOTS = ("article-header", "article-middle", "article-footer", "sidebar")
TOPICS = ("sports", "sports/football", "technology", "travel")
PLACES = (None, "Remer,MN", "Austin,TX", "nowhere at all")
AGENTS = (None, "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", "a crawler")
WINDOWS = ("30m", "1d", "calendar_day", "page", "flight")
TIERS = (Tier.STANDARD, Tier.STANDARD, Tier.STANDARD, Tier.NETWORK, Tier.HOUSE)


@dataclass(frozen=True, slots=True)
class World:
    flights: tuple[Flight, ...]
    creatives: tuple[Creative, ...]
    slots: tuple[Slot, ...]
    scores: dict[int, float]
    """Of the flights that are paced."""
    learnt: Learnt

    @property
    def budgeted(self) -> list[int]:
        return [flight.id for flight in self.flights if flight.is_budgeted]


def a_world(seed: int) -> World:
    chance = random.Random(seed)
    size = chance.choice((1, 2, 3, 8, 20, 60))
    strange = chance.random() < 0.2  # labels and roadblocks: none of them is ordinary
    flights = tuple(_flight(chance, number, strange) for number in range(1, size + 1))
    creatives = tuple(_creatives(chance, flights))
    chances = {creative.id: chance.uniform(0.1, 1.0) for creative in creatives if chance.random() < 0.7}
    return World(
        flights,
        creatives,
        tuple(_slot(chance, number, name) for number, name in enumerate(SLOTS, 1)),
        {flight.id: chance.uniform(-1.0, 3.0) for flight in flights if flight.goal and chance.random() < 0.9},
        Learnt(number=1, chances={EVERYWHERE: chances}),
    )


def pages(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Bodies of `POST /v1/fill`."""
    chance = random.Random(seed)
    views = [None, None, None, "the view of the first fill"]
    for _ in range(count):
        reader = {"key": chance.choice(("ann", "bob", None)), "place": chance.choice(PLACES)}
        yield {
            "page": {
                "topics": chance.sample(TOPICS, chance.randint(0, 2)),
                "refresh": chance.choice((0, 0, 1, 5)),
                "view": chance.choice(views),
            },
            "reader": reader | {"user_agent": chance.choice(AGENTS)},
            "slots": [_asked(chance, name) for name in chance.sample((*SLOTS, "sidebar"), chance.randint(1, 5))],
        }


def _flight(chance: random.Random, number: int, strange: bool) -> Flight:
    tier = chance.choice(TIERS)
    has_goal = tier is Tier.STANDARD and chance.random() < 0.5
    ends = chance.random() < 0.2
    return a_flight(
        id=number,
        campaign=number,
        advertiser=chance.randint(1, 8),
        tier=tier,
        priority=chance.choice((5, 5, 5, 6)),
        weight=chance.uniform(0.1, 4.0),
        targeting=Targeting(topics=among(chance.choice(TOPICS))) if chance.random() < 0.3 else Targeting(),
        caps=tuple(_cap(chance) for _ in range(chance.choice((0, 0, 1, 2)))) if tier is not Tier.HOUSE else (),
        without_reader=chance.choice((Without.SKIP, Without.SERVE)),
        price=chance.choice((Price(model="cpm", micros=5_000_000), Price(model="cpc", micros=2**33))),
        goal=Goal(unit=Unit.IMPRESSIONS, amount=1000) if has_goal else None,
        ends_at_s=NOW_S - 60 if ends and has_goal else None,
        at_end=AtEnd.MAKEGOOD if ends and has_goal else AtEnd.STOP,
        rotation=chance.choice(
            (Rotation.EVEN, Rotation.WEIGHTED, Rotation.OPTIMISE, Rotation.SEQUENTIAL)[: 4 if strange else 3]
        ),
        exclusions=(chance.choice("ab"),) if strange and chance.random() < 0.3 else (),
        roadblock=chance.choice(tuple(Roadblock)) if strange else Roadblock.NONE,
    )


def _cap(chance: random.Random) -> Cap:
    return Cap(
        per=chance.choice((Level.CREATIVE, Level.FLIGHT)), limit=chance.randint(1, 3), window=chance.choice(WINDOWS)
    )


def _creatives(chance: random.Random, flights: tuple[Flight, ...]) -> Iterator[Creative]:
    number = 0
    for flight in flights:
        for _ in range(chance.choice((1, 1, 2, 3))):
            number += 1
            yield a_creative(
                id=number, campaign=flight.campaign, advertiser=flight.advertiser, weight=chance.uniform(0.5, 2.0),
                texts=QWIKET[: chance.randint(1, 3)],
            )  # fmt: skip


def _slot(chance: random.Random, number: int, name: str) -> Slot:
    return a_slot(id=number, name=name, position_weight=chance.choice((1.0, 1.0, 0.5, 2.25)))


def _asked(chance: random.Random, name: str) -> dict[str, Any]:
    limits: dict[str, Any] = chance.choice(
        ({}, {}, {}, {"max_chars": chance.randint(10, 90)}, {"max_width_px": 300 + chance.randint(0, 400)})
    )
    return {"slot": name} | limits | chance.choice(({}, {"id": 'a "caller\'s" own\u2603'}))
