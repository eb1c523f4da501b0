"""What a document is judged against: everything a check needs to know, gathered before it runs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adengine.catalog.nouns import Scope
from adengine.places import Gazetteer
from adengine.topics import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The shipped trees, the rows that a document may name, and who sends it."""

    gazetteer: Gazetteer
    taxonomy: Taxonomy
    http_landing: bool = False
    """http:// landing URLs are taken beside https://."""
    scopes: frozenset[Scope] = frozenset({Scope.MANAGE})
    """Of the sender's key."""
    rows: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """By noun (`site`, `advertiser`, `campaign`): the ids, among those named, that live and that the sender may use."""
    slot_names: frozenset[str] = frozenset()
    positions: frozenset[str] = frozenset()
    """Of all live slots."""
