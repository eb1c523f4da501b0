"""A seeded book of flights for a world, sold to a given part of what it can show, as documents of the API. Pure.

Goals are sized like this: each flight's wish is spread over the spots that its targeting admits, in proportion to their
pages; then all wishes are scaled until, on the fullest day, the fullest spot is wanted to `sold` of what it will show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.simulate.world import DAY_S, PLACES, SLOTS, STARTS_S, TOPICS, World, spot_parts
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
    a_day = chance.uniform(*WISHES, flights)
    goals = _goals(world, admits, starts, ends, a_day) * sold * seen_part
    priorities = chance.choice([row[0] for row in PRIORITIES], flights, p=[row[1] for row in PRIORITIES])
    capped = chance.random(flights) < CAPPED_PART
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
    world: World, admits: NDArray[np.bool_], starts: NDArray[np.int64], ends: NDArray[np.int64], a_day: Floats
) -> Floats:
    """Lines of each flight if the fullest spot of the fullest day were sold out.

    A flight stands once on a page, so it cannot have more than one slot of each.
    """
    pages = spot_parts() * world.pages_a_day
    spread = admits * pages / (admits * pages).sum(axis=(1, 2), keepdims=True) * a_day[:, None, None]
    days = np.arange(world.days)
    runs = (starts[:, None] <= days) & (days < ends[:, None])
    wanted = np.einsum("fd,fpt->dpt", runs, spread)
    load = max((wanted / (pages * len(SLOTS))).max(), (spread / pages).max())
    goals: Floats = a_day * (ends - starts) / load
    return goals


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
