"""A seeded book of flights for a world, sold to a given part of what it can show, as documents of the API. Pure.

Goals are sized by an allocation that exists: the lines of each spot (place × topic) and day are split among the flights
that run then and are aimed there, in proportion to their wishes, none standing on more than `PAGES_MOST` of its pages;
what a flight has of all of them together, times `sold`, is its goal. So a book sold to 0.85 can be delivered by one who
knows all pages beforehand, and has 85 % of all lines wherever enough flights are aimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.simulate.world import DAY_S, PLACES, SLOTS, STARTS_S, TOPICS, World
from adengine.web import instants

Document: TypeAlias = Mapping[str, Any]
Floats: TypeAlias = NDArray[np.float64]

CAPPED_PART = 0.3
"""Of the flights have a cap of `CAP_LIMIT` a day for each reader."""
CAP_LIMIT = 3
TARGETED_PART = 0.7
"""Of the flights name places, and as many topics."""
NAMED_MOST = 3
WISHES = (0.5, 2.0)
PAGES_MOST, CAPPED_PAGES_MOST = 0.6, 0.25
"""Of the pages of a spot that one flight may be promised, without and with a cap: a reader who comes often is lost."""
ROUNDS = 20
"""Of splitting: what those who are full leave over goes to the others."""
PRIORITIES = ((3, 0.25), (5, 0.5), (8, 0.25))
"""(priority, its part of the flights)."""
PRICE = {"model": "cpm", "micros": 8_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    name: str
    flight: Document
    """All fields but its campaign."""


def booked(world: World, flights: int, sold: float, seen_part: float) -> list[Booking]:
    """`flights` with a goal, a network flight without, and a house line.  seen_part: of the lines are seen."""
    chance = np.random.default_rng([world.seed, 2])
    admits = _admitted(chance, flights)
    starts, ends = _spans(chance, flights, world.days)
    wishes = chance.uniform(*WISHES, flights)
    priorities = chance.choice([row[0] for row in PRIORITIES], flights, p=[row[1] for row in PRIORITIES])
    capped = chance.random(flights) < CAPPED_PART
    goals = _goals(world.counted(), admits, starts, ends, wishes, capped) * sold * seen_part
    made = [
        Booking(
            name=f"Sponsor {n + 1}",
            flight={
                "starts_at": _instant(starts[n]),
                "ends_at": _instant(ends[n]),
                "priority": int(priorities[n]),
                "targeting": _targeting(admits[n]),
                "caps": [{"per": "flight", "limit": CAP_LIMIT, "window": "1d"}] if capped[n] else [],
                "goal": {"impressions": max(1, int(goals[n]))},
                "price": PRICE,
            },
        )
        for n in range(flights)
    ]
    network = {"starts_at": _instant(0), "tier": "network", "price": PRICE}
    return [*made, Booking(name="Network", flight=network), Booking(name="House", flight=network | {"tier": "house"})]


def _admitted(chance: np.random.Generator, flights: int) -> NDArray[np.bool_]:
    """Which spots each flight targets; shape (flights, places, topics)."""
    found = np.ones((flights, len(PLACES), len(TOPICS)), bool)
    for n in range(flights):
        if chance.random() < TARGETED_PART:
            found[n, _all_but_some(chance, len(PLACES))] = False
        if chance.random() < TARGETED_PART:
            found[n][:, _all_but_some(chance, len(TOPICS))] = False
    return found


def _all_but_some(chance: np.random.Generator, number: int) -> NDArray[np.int64]:
    named = chance.choice(number, chance.integers(1, NAMED_MOST + 1), replace=False)
    return np.setdiff1d(np.arange(number), named)


def _spans(chance: np.random.Generator, flights: int, days: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First day and the day behind the last one; at least two days, where the world has so many."""
    starts = chance.integers(0, max(1, days - 1), flights)
    return starts, np.array([chance.integers(min(start + 2, days), days + 1) for start in starts.tolist()])


def _goals(
    pages: NDArray[np.int64],
    admits: NDArray[np.bool_],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    wishes: Floats,
    capped: NDArray[np.bool_],
) -> Floats:
    """Lines of each flight if every spot were sold out.  pages: shape (days, places, topics)."""
    days = np.arange(len(pages))
    runs = (starts[:, None] <= days) & (days < ends[:, None])
    there = runs[:, :, None, None] & admits[:, None]
    most = np.where(capped, CAPPED_PAGES_MOST, PAGES_MOST)[:, None, None, None] * there * pages
    wanted = np.zeros(most.shape)
    for _ in range(ROUNDS):
        asking = wishes[:, None, None, None] * (wanted < most)
        left = len(SLOTS) * pages - wanted.sum(axis=0)
        wanted = np.minimum(most, wanted + left * asking / np.maximum(asking.sum(axis=0), 1e-9))
    found: Floats = wanted.sum(axis=(1, 2, 3))
    return found


def _targeting(admitted: NDArray[np.bool_]) -> Document:
    places: list[bool] = np.any(admitted, axis=1).tolist()
    topics: list[bool] = np.any(admitted, axis=0).tolist()
    dimensions = (("places", PLACES, places), ("topics", TOPICS, topics))
    return {
        name: {"include": [word for (word, _), taken in zip(words, rows, strict=True) if taken]}
        for name, words, rows in dimensions
        if not all(rows)
    }


def _instant(day: int) -> str:
    return instants.spelled(STARTS_S + int(day) * DAY_S)
