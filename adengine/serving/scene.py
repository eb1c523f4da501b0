"""What the page's words mean: its site, the reader's place, its topics. Pure.

Words that mean nothing are no mistakes: an ambiguous place is no place, an unknown topic none, and explanations say so.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from adengine.catalog.nouns import Facts, Key, Site, Slot
from adengine.catalog.snapshot import Snapshot
from adengine.catalog.targets.hours import is_timezone
from adengine.places import Kind, Place, Query, Resolution
from adengine.places.query import NAMES, POINT, is_degree
from adengine.serving.request import Asked
from adengine.topics import Taxonomy, Topic

NOT_GIVEN = "none"


class Gazetteer(Protocol):
    """What is asked of `places.Gazetteer`."""

    def resolve(self, query: Query, /) -> Resolution: ...
    def ancestors(self, id_: int, /) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Depends on nothing of a request but `named_by`."""

    site: Site | None
    place: Place | None
    place_status: str
    """`exact`, `ambiguous` or `unknown`, as `places` resolved it; `none` when the page gave no place."""
    lineage: tuple[int, ...]
    """The place and all above it."""
    topics: tuple[Topic, ...]
    strange_topics: tuple[str, ...]
    """Words of the page that name no topic."""
    point: tuple[float, float] | None
    """Where the reader is, (lat, lon) in degrees: the point that the page gave, or his town's."""

    def topics_in(self, slot: Slot, taxonomy: Taxonomy) -> tuple[Topic, ...]:
        """The page's, or those that the slot has by default."""
        return self.topics or tuple(filter(None, map(taxonomy.topic, slot.default_topics)))

    @property
    def timezone(self) -> str:
        """IANA name: of the place; else (an unknown one, or an area that has several) of the site."""
        there = self.place.timezone if self.place is not None else None
        if there is not None and is_timezone(there):
            return there
        return self.site.timezone if self.site is not None else "UTC"

    def topic_number(self, slots: Iterable[Slot], taxonomy: Taxonomy) -> int:
        """What a page of these slots counts as being about: its first topic; 0 for none."""
        if self.topics:
            return self.topics[0].number
        found = (self.topics_in(slot, taxonomy) for slot in slots)
        return next((topics[0].number for topics in found if topics), 0)

    @property
    def place_number(self) -> int:
        """Where the page counts as being read; 0 for nowhere."""
        return self.place.id if self.place is not None else 0

    def facts(self, slot: Slot, asked: Asked, taxonomy: Taxonomy, now_s: int) -> Facts:
        """What targeting asks of one slot's request; what takes time is left to who asks."""
        return self._facts(slot.name, slot.position, self.topics_in(slot, taxonomy), asked, taxonomy, now_s)

    def facts_anywhere(self, asked: Asked, taxonomy: Taxonomy, now_s: int) -> Facts:
        """The same for a slot of no name, position and topics: what all slots of the page share."""
        return self._facts("", "", self.topics, asked, taxonomy, now_s)

    def _facts(
        self, slot: str, position: str, topics: Iterable[Topic], asked: Asked, taxonomy: Taxonomy, now_s: int
    ) -> Facts:
        names = tuple([topic.id for topic in topics])
        return Facts(
            places=self.lineage,
            topics=names,
            topics_above=tuple({above: None for topic in names for above in taxonomy.ancestors(topic)[1:]}),
            related=taxonomy.related,
            relatedness=taxonomy.relatedness,
            slot=slot,
            position=position,
            now_s=now_s,
            timezone=self.timezone,
            point=self.point,
            user_agent=asked.reader.user_agent,
            lang=asked.page.lang,
            url=asked.page.url,
            keys=asked.page.keys,
        )


def named_by(asked: Asked, key: Key) -> Hashable:
    """The same for two requests only if their scenes are, on one snapshot."""
    page, place = asked.page, asked.reader.place
    site = key.site if key.site is not None else _host(page.url) if page.url else ""
    words = tuple([place.get(name) for name in (*NAMES, *POINT)]) if isinstance(place, Mapping) else place
    return site, page.topics, words


def scene_of(asked: Asked, key: Key, snapshot: Snapshot, gazetteer: Gazetteer, taxonomy: Taxonomy) -> Scene:
    site = _site(asked.page.url, key, snapshot)
    found = gazetteer.resolve(asked.reader.place) if asked.reader.place is not None else None
    place = found.place if found is not None else None
    topics, strange = resolved_topics(asked.page.topics, site, taxonomy)
    return Scene(
        site=site,
        place=place,
        place_status=found.status if found is not None else NOT_GIVEN,
        lineage=gazetteer.ancestors(place.id) if place is not None else (),
        topics=topics,
        strange_topics=strange,
        point=_point(asked.reader.place, place),
    )


def resolved_topics(
    words: Iterable[str], site: Site | None, taxonomy: Taxonomy
) -> tuple[tuple[Topic, ...], tuple[str, ...]]:
    """(the topics that `words` name, each once; the words that name none)."""
    aliases = site.topics if site is not None else {}
    found: dict[str, Topic] = {}
    strange: list[str] = []
    for word in words:
        topic = taxonomy.resolve(word, aliases)
        if topic is None:
            strange.append(word)
        else:
            found[topic.id] = topic
    return tuple(found.values()), tuple(strange)


def _point(words: Query | None, place: Place | None) -> tuple[float, float] | None:
    """The middle of an area is not where its reader is, so only towns and points are somewhere."""
    if isinstance(words, Mapping) and not any(str(words.get(name) or "").strip() for name in NAMES):
        lat, lon = (words.get(name) for name in POINT)
        return (lat, lon) if is_degree("lat", lat) and is_degree("lon", lon) else None  # type: ignore[return-value]
    if place is None or place.kind is not Kind.CITY or place.lat is None or place.lon is None:
        return None
    return place.lat, place.lon


def _site(url: str | None, key: Key, snapshot: Snapshot) -> Site | None:
    """The key's site; or the one that the page's domain belongs to; or the only one there is."""
    if key.site is not None:
        return snapshot.sites.get(key.site)
    site = snapshot.site_of(_host(url)) if url else None
    if site is not None:
        return snapshot.sites.get(site)
    return next(iter(snapshot.sites.values())) if len(snapshot.sites) == 1 else None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
