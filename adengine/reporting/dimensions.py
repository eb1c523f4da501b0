"""What a report may be grouped and filtered by: the one table of dimensions. Pure.

A dimension reads one or more columns (`table.column`; `reporting.sql` knows how their tables join `rollup`) and says
how their values are shown. A row is all that a new one needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from adengine.catalog import ids
from adengine.catalog.nouns import Tier
from adengine.catalog.targets.devices import KINDS
from adengine.counting.metrics import NONE, REFRESH_MAX
from adengine.places import Place, Resolution
from adengine.reporting.calendar import UNITS
from adengine.topics import Taxonomy

Shown = str | int | None
PATH = " > "


class Gazetteer(Protocol):
    """What is asked of `places.Gazetteer`."""

    def resolve(self, query: str | Mapping[str, Any], /) -> Resolution: ...
    def ancestors(self, id: int, /) -> Sequence[int]: ...
    def place(self, id: int, /) -> Place | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the numbers in the rollups refer to."""

    gazetteer: Gazetteer
    taxonomy: Taxonomy
    roles: Mapping[tuple[int, int], Sequence[str]]
    """The variants' roles by (creative, version)."""
    names: Mapping[str, Mapping[int, str]]
    """By table of the catalogue and id."""


Raw = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    name: str
    definition: str
    columns: tuple[str, ...] = ()
    """None: a unit of time, cut by `reporting.calendar`."""
    shown: Callable[[Raw, World], Shown] = lambda raw, _: raw[0]
    """The value that a row of the report has, from the columns' values; None: it has none."""
    named: Callable[[Raw, World], str | None] | None = None
    """A name for people beside the value, in `<dimension>_name`; None: the value is its own name."""
    wanted: Callable[[str, World], Any] | None = None
    """What a filter's text means, None if nothing; without this, the dimension cannot be filtered by."""
    admits: Callable[[Raw, Any, World], bool] = lambda raw, wanted, _: raw[0] == wanted
    """Whether a row passes a filter."""
    is_plain: bool = True
    """Whether `admits` is equality of the one column, which SQL can do."""
    is_number: bool = False
    """Whether its values are whole numbers; else they are texts."""


def _listed(noun: str, table: str, column: str, definition: str) -> Dimension:
    """An object of the catalogue, by its public id, with its name."""
    return Dimension(
        name=noun,
        definition=definition,
        columns=(column,),
        shown=lambda raw, _: ids.public(noun, raw[0]) if raw[0] else None,
        named=(lambda raw, world: world.names[table].get(raw[0])) if table else None,
        wanted=lambda text, _: ids.parse(noun, text),
    )


def _placed(name: str, definition: str, kind: str | None) -> Dimension:
    """The place of the reader, or the one of `kind` that it lies in. A filter takes in the whole subtree."""

    def found(raw: Raw, world: World) -> Place | None:
        above = [world.gazetteer.place(id_) for id_ in world.gazetteer.ancestors(raw[0])]
        return next((place for place in above if place is not None and kind in (None, place.kind)), None)

    def shown(raw: Raw, world: World) -> Shown:
        place = found(raw, world)
        return place.spelling if place is not None else None

    def named(raw: Raw, world: World) -> str | None:
        place = found(raw, world)
        return PATH.join(place.path) if place is not None else None

    return Dimension(
        name=name,
        definition=definition,
        columns=("rollup.place",),
        shown=shown,
        named=named,
        wanted=_wanted_place,
        admits=lambda raw, wanted, world: wanted in world.gazetteer.ancestors(raw[0]),
        is_plain=False,
    )


def _wanted_place(text: str, world: World) -> int | None:
    found = world.gazetteer.resolve(text)
    return found.place.id if found.place is not None else None


def _topic(raw: Raw, world: World) -> Shown:
    topic = world.taxonomy.numbered(raw[0])
    return topic.id if topic is not None else None


def _topic_name(raw: Raw, world: World) -> str | None:
    topic = world.taxonomy.numbered(raw[0])
    return PATH.join(topic.path) if topic is not None else None


def _in_topic(raw: Raw, wanted: str, world: World) -> bool:
    topic = world.taxonomy.numbered(raw[0])
    return topic is not None and wanted in world.taxonomy.ancestors(topic.id)


def _wanted_topic(text: str, world: World) -> str | None:
    topic = world.taxonomy.resolve(text)
    return topic.id if topic is not None else None


def _wanted_text(text: str, _: World) -> str | None:
    """None with a NUL, which no text has and PostgreSQL does not take."""
    return text if "\0" not in text else None


def _role(raw: Raw, world: World) -> Shown:
    creative, version, variant = raw
    roles = world.roles.get((creative, version), ())
    return roles[variant] if variant < len(roles) else None


def _tier(raw: Raw, _: World) -> Shown:
    return None if raw[0] == NONE else Tier(raw[0]).name.lower()


def _device(raw: Raw, _: World) -> Shown:
    return KINDS[raw[0] - 1] if 0 < raw[0] <= len(KINDS) else None


DIMENSIONS: tuple[Dimension, ...] = (
    *(Dimension(name=unit.name, definition=unit.definition) for unit in UNITS),
    _listed("site", "sites", "rollup.site", "The site that asked."),
    _listed("slot", "slots", "rollup.slot", "The slot; null for a name that is not registered."),
    Dimension(
        name="position",
        definition="The slot's position on the page, as registered now.",
        columns=("slots.position",),
        wanted=_wanted_text,
    ),
    _listed("advertiser", "advertisers", "campaigns.advertiser", "Who sponsors; null where no flight is."),
    _listed("campaign", "campaigns", "flights.campaign", "The campaign; null where no flight is."),
    _listed("flight", "", "rollup.flight", "The flight; null for an empty slot."),
    _listed("creative", "", "rollup.creative", "The creative; null for an empty slot and for what a cap refused."),
    Dimension(
        name="version",
        definition="The version of the creative.",
        columns=("rollup.version",),
        is_number=True,
        shown=lambda raw, _: raw[0] or None,
        wanted=lambda text, _: int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else None,
    ),
    Dimension(
        name="variant",
        definition="The role of the line shown; null where the browser chose and did not say.",
        columns=("rollup.creative", "rollup.version", "rollup.variant"),
        shown=_role,
        wanted=_wanted_text,
        admits=lambda raw, wanted, world: _role(raw, world) == wanted,
        is_plain=False,
    ),
    Dimension(
        name="tier",
        definition="sponsorship, standard, network or house.",
        columns=("rollup.tier",),
        shown=_tier,
        wanted=lambda text, _: next((tier.value for tier in Tier if tier.name.lower() == text), None),
    ),
    _placed("place", "Where the reader was, as exactly as the page said; a filter takes in what lies in it.", None),
    _placed("country", "The country of the place.", "country"),
    _placed("region", "The region (ISO 3166-2) of the place.", "region"),
    _placed("county", "The county of the place.", "county"),
    _placed("city", "The city of the place.", "city"),
    Dimension(
        name="topic",
        definition="The first topic of the page; a filter takes in those below it.",
        columns=("rollup.topic",),
        shown=_topic,
        named=_topic_name,
        wanted=_wanted_topic,
        admits=_in_topic,
        is_plain=False,
    ),
    Dimension(
        name="device",
        definition=f"What the reader held, told from his user agent: {', '.join(KINDS)}; null where it is not known.",
        columns=("rollup.device",),
        shown=_device,
        wanted=lambda text, _: KINDS.index(text) + 1 if text in KINDS else None,
    ),
    Dimension(
        name="refresh",
        definition="How often the slot had been filled before in the page view, as the page said it; "
        f"0 where it did not, {REFRESH_MAX} for any more.",
        columns=("rollup.refresh",),
        is_number=True,
        wanted=lambda text, _: int(text) if text in map(str, range(REFRESH_MAX + 1)) else None,
    ),
    Dimension(
        name="reason",
        definition="Why a slot is empty or holds a house line, why a beacon does not count, or the cap that refused.",
        columns=("rollup.reason",),
        shown=lambda raw, _: raw[0] or None,
        wanted=_wanted_text,
    ),
    Dimension(
        name="currency",
        definition="The campaign's currency, ISO 4217.",
        columns=("campaigns.currency",),
        wanted=_wanted_text,
    ),
)  # fmt: skip
BY_NAME = {dimension.name: dimension for dimension in DIMENSIONS}
