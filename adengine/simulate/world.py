"""A seeded world: where readers are, what they read and when. Pure; the same seed makes the same pages.

Pages come as a Poisson process for each spot (place × topic), with the usual hours of a day (`forecast.PRIOR` on local
clocks), busier and quieter days, and readers of whom a few come often (Zipf). Nothing here knows of sponsors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.pacing.forecast import A_MONDAY_S, HOUR_S, HOURS, prior

Floats: TypeAlias = NDArray[np.float64]

DAY_S = 24 * HOUR_S
STARTS_S = A_MONDAY_S
"""Simulated time begins on a Monday, 00:00 UTC."""
TIMEZONE = "America/Chicago"
SITE = "https://news.example"
SLOTS = ("article-header", "article-footer")
Words: TypeAlias = tuple[tuple[str, int], ...]
PLACES: Words = (
    ("Minneapolis,MN", 30), ("Duluth,MN", 14), ("Remer,MN", 6), ("Chicago,IL", 24), ("Madison,WI", 12),
    ("Fargo,ND", 14),
)  # fmt: skip
"""(name, weight)."""
TOPICS: Words = (
    ("sports", 28), ("politics", 24), ("personal-finance", 16), ("home-garden", 14), ("food-drink", 10),
    ("travel", 8),
)  # fmt: skip
"""(slug, weight)."""
DAY_NOISE = 0.08
"""How far one day strays from the usual, as the sigma of a log-normal factor; spots stray together."""
READER_PAGES = 3
"""Pages that a reader looks at on the average day."""
ZIPF = 0.55
"""How much oftener the first reader comes than the n-th: n to this power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    at_s: int
    place: str
    topic: str
    reader: str


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    seed: int
    days: int
    pages_a_day: int

    @property
    def ends_s(self) -> int:
        return STARTS_S + self.days * DAY_S

    def pages(self) -> Iterator[Page]:
        """All pages in the order in which they come."""
        chance = np.random.default_rng([self.seed, 1])
        place_parts, topic_parts = (_parts(of) for of in (PLACES, TOPICS))
        readers = _readers(chance, max(1, self.pages_a_day // READER_PAGES))
        usual = prior(TIMEZONE)
        for day in range(self.days):
            level = self.pages_a_day / 24 * chance.lognormal(-(DAY_NOISE**2) / 2, DAY_NOISE)
            for hour in range(24):
                number = int(chance.poisson(level * usual[(day * 24 + hour) % HOURS]))
                starts_s = STARTS_S + day * DAY_S + hour * HOUR_S
                moments = np.sort(chance.integers(0, HOUR_S, number)).tolist()
                places = chance.choice(len(PLACES), number, p=place_parts).tolist()
                topics = chance.choice(len(TOPICS), number, p=topic_parts).tolist()
                who = np.searchsorted(readers, chance.random(number)).tolist()
                for moment, place, topic, reader in zip(moments, places, topics, who, strict=True):
                    yield Page(
                        at_s=starts_s + moment,
                        place=PLACES[place][0],
                        topic=TOPICS[topic][0],
                        reader=f"reader-{reader}",
                    )

    def counted(self) -> NDArray[np.int64]:
        """How many pages come; shape (days, places, topics)."""
        places, topics = ({word: n for n, (word, _) in enumerate(words)} for words in (PLACES, TOPICS))
        found = np.zeros((self.days, len(PLACES), len(TOPICS)), np.int64)
        for page in self.pages():
            found[(page.at_s - STARTS_S) // DAY_S, places[page.place], topics[page.topic]] += 1
        return found


def _parts(weights: Words) -> Floats:
    found = np.array([weight for _, weight in weights], np.float64)
    found /= found.sum()
    return found


def _readers(chance: np.random.Generator, number: int) -> Floats:
    """Cumulative chances of each reader to be the one who comes."""
    frequency = 1.0 / np.arange(1, number + 1) ** ZIPF
    return np.cumsum(chance.permutation(frequency) / frequency.sum())
