"""Places that pages ask for again and again, remembered: most readers of a page are from a few hundred towns."""

from __future__ import annotations

from functools import lru_cache

from adengine.places import Query, Resolution
from adengine.serving.scene import Gazetteer

REMEMBERED = 4096


class Remembered:
    """A `Gazetteer` in front of another, which never changes; shared by all threads."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self._named = lru_cache(REMEMBERED)(gazetteer.resolve)
        self.ancestors = lru_cache(REMEMBERED)(gazetteer.ancestors)

    def resolve(self, query: Query, /) -> Resolution:
        return self._named(query) if isinstance(query, str) else self._gazetteer.resolve(query)
