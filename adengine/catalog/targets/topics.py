"""Topics, matched with all below them, exactly, or with what is related to them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adengine.catalog.known import Known
from adengine.catalog.nouns import Among, Facts, Targeting
from adengine.catalog.targets.refused import Refused, quoted

CANDIDATES_NAMED = 5
MATCHES = ("subtree", "exact", "related")
"""How a flight's topics may be matched."""
EXACTLY, NEARLY = "=", "~"
"""Mark a topic that must be a page's own tag, and one that a page's own tag must be related to."""


def accepted(value: Any, known: Known) -> str:
    """The id of the topic; raises `Refused`."""
    topic = known.taxonomy.resolve(value) if isinstance(value, str) else None
    if topic is not None:
        return topic.id
    near = known.taxonomy.search(value, CANDIDATES_NAMED) if isinstance(value, str) and value.strip() else []
    hint = f"; perhaps {', '.join(f'{topic.slug} ({topic.id})' for topic in near)}" if near else ""
    raise Refused(f"no topic has the id, slug or name {quoted(value)}{hint}")


def wanted(targeting: Targeting) -> Among:
    """Matched otherwise than by subtree, a topic is marked; what is excluded always covers its subtree."""
    mark = {"exact": EXACTLY, "related": NEARLY}.get(targeting.topic_match, "")
    return Among(
        include=tuple(mark + topic for topic in targeting.topics.include),
        exclude=targeting.topics.exclude,
    )


def values_of(facts: Facts) -> tuple[str, ...]:
    """The page's topics and all above them, and marked the page's own."""
    return (*facts.topics, *facts.topics_above, *(EXACTLY + topic for topic in facts.topics))


def relatedness(facts: Facts, spelling: str) -> float:
    """Of the page to a topic that a flight wants a relative of, by the nearest of the page's topics; of others 1."""
    if not spelling.startswith(NEARLY):
        return 1.0
    return max(facts.relatedness(topic, spelling[1:]) for topic in facts.topics)


def holding(spellings: Sequence[str]) -> Callable[[Facts], tuple[str, ...]]:
    """`values_of`, and of those of `spellings` that want a relative, the ones that the page has."""
    nearly = frozenset(spelling[1:] for spelling in spellings if spelling.startswith(NEARLY))
    if not nearly:
        return values_of

    def holding_of(facts: Facts) -> tuple[str, ...]:
        met = {near for topic in facts.topics for near in facts.related(topic) & nearly}
        return (*values_of(facts), *(NEARLY + topic for topic in sorted(met)))

    return holding_of
