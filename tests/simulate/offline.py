"""The most clicks that a simulated book could have had, had all pages been known beforehand: a linear programme."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from adengine.simulate.book import booked
from adengine.simulate.clicks import Clicks
from adengine.simulate.run import SEEN_PART
from adengine.simulate.world import DAY_S, PLACES, SLOTS, STARTS_S, TOPICS, World
from adengine.web import instants


def most_clicks(world: World, flights: int, sold: float, goals: list[int]) -> float:
    """Of the flights with goals together, each delivered as far as it was.  goals: impressions, by flight.

    x[j, d, p, t] impressions of flight j on day d in spot (p, t): at most the seen lines of that spot's pages together
    and one a page for each flight; caps are left out, which makes the bound higher, never lower.
    """
    pages = Counter(((page.at_s - STARTS_S) // DAY_S, page.place, page.topic) for page in world.pages())
    clicks = Clicks(world.seed)
    columns: list[tuple[int, tuple[int, str, str]]] = []
    for n, booking in enumerate(booked(world, flights, sold, SEEN_PART)[:flights]):
        columns += [(n, spot) for spot in pages if _admits(booking.flight, spot)]
    spots = {spot: row for row, spot in enumerate(pages)}
    every = np.arange(len(columns))
    by_spot = coo_array((np.ones(len(columns)), ([spots[spot] for _, spot in columns], every)))
    by_flight = coo_array((np.ones(len(columns)), ([n for n, _ in columns], every)), shape=(flights, len(columns)))
    found = linprog(
        [-clicks.rate(n + 1, topic) for n, (_, _, topic) in columns],
        A_ub=by_spot.tocsr(),
        b_ub=[SEEN_PART * len(SLOTS) * n for n in pages.values()],
        A_eq=by_flight.tocsr(),
        b_eq=goals,
        bounds=[(0, SEEN_PART * pages[spot]) for _, spot in columns],
    )
    assert found.success, found.message
    return float(-found.fun)


def _admits(flight: object, spot: tuple[int, str, str]) -> bool:
    assert isinstance(flight, dict)
    day, place, topic = spot
    named = {name: row["include"] for name, row in flight["targeting"].items()}
    runs = flight["starts_at"] <= instants.spelled(STARTS_S + day * DAY_S) < flight["ends_at"]
    return (
        runs
        and place in named.get("places", [name for name, _ in PLACES])
        and topic in named.get("topics", [name for name, _ in TOPICS])
    )
