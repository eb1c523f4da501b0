"""The topics of pages: a tree of taxonomy nodes, found by id, slug or a site's own word, and how near two of them are.

Pure. `load` reads the shipped tree (IAB Content Taxonomy 3.1). Classifying a page's text is left to a later module;
it will answer with ids of this tree.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

RELATED_MIN = 0.4
"""The least relatedness that makes two topics related: under one root, those of the second level have 0.5, of the
third 0.33 unless their parents are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    id: str
    """The taxonomy's own id: digits, or six letters and digits whose case counts."""
    number: int
    """The id read in base 36: a stable u32 for tokens and counts, one to one with `id`."""
    slug: str
    name: str
    parent: str | None
    path: tuple[str, ...]
    """Names from the root down to this topic."""


class Taxonomy:
    """An immutable tree of topics.

    rows: (id, name, parent's id or None), every parent before its children; ids unique in base 36.
    """

    def __init__(self, rows: Iterable[Sequence[str | None]]) -> None:
        self._topics: dict[str, Topic] = {}
        self._lineage: dict[str, tuple[str, ...]] = {}
        for id_, name, parent in rows:
            assert id_ is not None and name is not None
            above = self._topics[parent].path if parent else ()
            self._topics[id_] = Topic(
                id=id_, number=int(id_, 36), slug=slug(name), name=name, parent=parent, path=(*above, name)
            )
            self._lineage[id_] = (id_, *(self._lineage[parent] if parent else ()))
        self._by_number = {topic.number: topic for topic in self._topics.values()}
        self._related: dict[str, frozenset[str]] = {}
        self._by_slug = {topic.slug: topic for topic in self._topics.values()}
        if not len(self._by_number) == len(self._by_slug) == len(self._topics):
            raise ValueError("two topics share a number or a slug")

    def __len__(self) -> int:
        return len(self._topics)

    def topic(self, id_: str) -> Topic | None:
        return self._topics.get(id_)

    def numbered(self, number: int) -> Topic | None:
        return self._by_number.get(number)

    def resolve(self, word: str, aliases: Mapping[str, str] | None = None) -> Topic | None:
        """The topic that `word` names exactly: the site's alias first, then an id, then a slug or a name.

        aliases: casefolded word -> id. Never a guess: None when nothing is called so.
        """
        word = word.strip()
        own = (aliases or {}).get(word.casefold())
        if own is not None:
            return self._topics.get(own)
        return self._topics.get(word) or self._by_slug.get(slug(word))

    def ancestors(self, id_: str) -> tuple[str, ...]:
        """Ids from the topic itself up to its root; empty for an unknown id."""
        return self._lineage.get(id_, ())

    def relatedness(self, a: str, b: str) -> float:
        """0 (no common root, or unknown) to 1 (the same topic): 2 * depth(common) / (depth(a) + depth(b)), roots at 1.

        Wu & Palmer, "Verb semantics and lexical selection", ACL 1994.
        """
        ours, theirs = self.ancestors(a), self.ancestors(b)
        shared = len(set(ours) & set(theirs))
        return 2 * shared / (len(ours) + len(theirs)) if shared else 0.0

    def related(self, id_: str) -> frozenset[str]:
        """All topics whose relatedness to this one is at least `RELATED_MIN`, itself among them; worked out once."""
        if id_ not in self._topics:
            return frozenset()
        if id_ not in self._related:
            root = self._lineage[id_][-1]
            family = (other for other, lineage in self._lineage.items() if lineage[-1] == root)
            self._related[id_] = frozenset(near for near in family if self.relatedness(id_, near) >= RELATED_MIN)
        return self._related[id_]

    def search(self, words: str, limit: int) -> list[Topic]:
        """At most `limit` topics: the one named exactly, then names that begin with the words, then that hold them."""
        wanted = slug(words)
        exact = self.resolve(words)
        ranked = sorted(
            (topic for topic in self._topics.values() if wanted in topic.slug and topic is not exact),
            key=lambda topic: (not topic.slug.startswith(wanted), len(topic.path), topic.slug),
        )
        return ([exact] if exact else [])[:limit] + ranked[: max(0, limit - bool(exact))]


def slug(name: str) -> str:
    """A name as it stands in an address: "War and Conflicts" -> "war-and-conflicts", "Food & Drink" -> "food-drink"."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())
