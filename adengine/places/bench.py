"""What look-ups cost, as multiples of one unavoidable step: hashing a name.

Pure; the clock comes in. A multiple says the same on a slow and on a busy machine, microseconds do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adengine.places.gazetteer import Gazetteer
from adengine.places.names import name_key
from adengine.places.query import Query

QUERIES: Mapping[str, Query] = {
    "town and state": "Remer, MN",
    "town, state, country": "Remer, Minnesota, US",
    "ZIP": "56672",
    "town and country": "München, DE",
    "fields": {"country": "US", "region": "MN", "city": "Remer"},
    "name of many": "Springfield",
    "unknown": "Nowhere, MN",
    "point": {"lat": 47.06, "lon": -93.92},
}
CALLS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    query: str
    us: float
    """The fastest round's mean, microseconds."""
    ratio: float
    """To hashing the name "Coeur d'Alene" in the same rounds."""


def look_ups(gazetteer: Gazetteer, clock_s: Callable[[], float], rounds: int = 500) -> list[Cost]:
    """A row per kind of query; rounds of all kinds alternate, so that a busy moment strikes them alike."""
    works: dict[str, Callable[[], object]] = {"yardstick": lambda: name_key("Coeur d'Alene")}
    works |= {name: lambda query=query: gazetteer.resolve(query) for name, query in QUERIES.items()}  # type: ignore[misc]
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            start_s = clock_s()
            for _ in range(CALLS):
                work()
            best[name] = min(best[name], (clock_s() - start_s) / CALLS * 1e6)
    return [Cost(query=name, us=best[name], ratio=best[name] / best["yardstick"]) for name in QUERIES]
