"""Where and about what a page is, as coarsely as clicks can be told apart: a topic's root × a region. Pure."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from adengine.topics import Taxonomy

KNOWN_MAX = 100_000


class Cell(NamedTuple):
    topic: int
    """`topics.Topic.number` of a root of the taxonomy; 0: none."""
    place: int
    """Of a region, or of a country that has none; 0: not known."""


EVERYWHERE = Cell(0, 0)
"""Also the cell of pages of which nothing is known."""


class Lineage(Protocol):
    """What is asked of `places.Gazetteer`."""

    def ancestors(self, id_: int, /) -> tuple[int, ...]: ...


class Cells:
    """From the place and topic that a page counts under to its cell. Shared by all threads."""

    def __init__(self, gazetteer: Lineage, taxonomy: Taxonomy) -> None:
        self._gazetteer = gazetteer
        self._taxonomy = taxonomy
        self._known: dict[tuple[int, int], Cell] = {}

    def of(self, place: int, topic: int) -> Cell:
        """place: a stable id; 0: not known.  topic: a number of the taxonomy; 0: none."""
        found = self._known.get((place, topic))
        if found is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            found = self._known[place, topic] = Cell(self._root(topic), self._region(place))
        return found

    def _root(self, number: int) -> int:
        topic = self._taxonomy.numbered(number) if number else None
        root = self._taxonomy.topic(self._taxonomy.ancestors(topic.id)[-1]) if topic is not None else None
        return root.number if root is not None else 0

    def _region(self, place: int) -> int:
        line = self._gazetteer.ancestors(place) if place else ()
        return line[-2:][0] if line else 0
