"""Reads the sums of a report out of the database, in queries bounded in rows, and what their numbers refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    select,
)

from adengine.catalog import tables as catalogue
from adengine.counting.seals import SEALED_UNTIL_S
from adengine.counting.tables import consumer_lease
from adengine.errors import Invalid, Mistake
from adengine.places import Gazetteer
from adengine.reporting.delivery import Report, report_of
from adengine.reporting.dimensions import World
from adengine.reporting.flat.sql import flat_parts
from adengine.reporting.query import ROLLUP, Asked
from adengine.reporting.question import Question, Read, question_of, too_many
from adengine.reporting.sql import POSTGRESQL, SHAPES_KEPT, Values, parts_of
from adengine.store.sql import glancing, reading
from adengine.topics import Taxonomy
from adengine.web import instants

READ_MAX = 100_000
"""Groups of sums that one report may read; many of them can end in one row."""
PARAMETERS_MAX = 10_000
"""Ids asked for in one query; both databases take more."""
NAMED = {
    "rollup.site": catalogue.sites,
    "rollup.slot": catalogue.slots,
    "campaigns.advertiser": catalogue.advertisers,
    "flights.campaign": catalogue.campaigns,
}
"""Columns of ids whose tables have names for people."""
CREATIVE, VARIANT = "rollup.creative", "rollup.variant"
_STANDING = (
    select(consumer_lease.c.drained_at_s).scalar_subquery().label("counted_to_s"),
    SEALED_UNTIL_S.label("sealed_until_s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Up to when what a view has is true."""

    counted_to_s: int
    """All events up to then are in the sums; 0: none were ever counted."""
    sealed_until_s: int | None
    """No hour before changes any more; None: none is sealed yet."""

    def told(self) -> dict[str, str | None]:
        """As answers say it."""
        return {
            "as_of": instants.spelled(self.counted_to_s) if self.counted_to_s else None,
            "sealed_until": instants.spelled(self.sealed_until_s) if self.sealed_until_s is not None else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a source has for a question."""

    parts: tuple[Read, ...]
    standing: Standing
    said: str = ""
    """What a reader of the report must know of it."""


Source = Callable[[Connection, Question, int], Found]
"""(the view in which everything of a report is read, the question, how many rows at most) -> what it has."""


def of_rollups(connection: Connection, question: Question, rows_max: int) -> Found:
    """The standing comes beside each group, which spares a round trip; only what has no groups asks for it alone."""
    told: list[Standing] = []

    def read(query: Select[Any], values: Values) -> Sequence[Any]:
        rows = connection.execute(_with_standing(query), values).all()
        told.extend(_standing(row) for row in rows[:1])
        return rows

    parts = parts_of(question, rows_max, connection.dialect.name, read)
    return Found(parts=parts, standing=told[0] if told else standing_of(connection))


@lru_cache(maxsize=SHAPES_KEPT)
def _with_standing(query: Select[Any]) -> Select[Any]:
    return query.add_columns(*_STANDING)


def standing_of(connection: Connection) -> Standing:
    return _standing(connection.execute(select(*_STANDING)).one())


def _standing(row: Any) -> Standing:
    return Standing(counted_to_s=row.counted_to_s or 0, sealed_until_s=row.sealed_until_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    parts: tuple[Read, ...]
    standing: dict[str, str | None]
    """As `Standing.told` says."""
    roles: Mapping[tuple[int, int], Sequence[str]]
    names: Mapping[str, Mapping[int, str]]
    said: str
    """As in `Found`."""

    def sourced(self, report: Report) -> Report:
        """With what a reader must know of where it comes from among its definitions."""
        if not self.said:
            return report
        return replace(report, definitions={**report.definitions, "source": self.said})


class Desk:
    """Where reports are made; each is read with the eyes of whoever asked for it."""

    def __init__(
        self,
        engine: Engine,
        gazetteer: Gazetteer,
        taxonomy: Taxonomy,
        small_cells: int = 0,
        *,
        events: Source | None = None,
    ) -> None:
        """small_cells: as `report_of` takes it.  events: None: they are not kept."""
        self.engine = engine
        self.gazetteer, self.taxonomy = gazetteer, taxonomy
        self.world = World(gazetteer=gazetteer, taxonomy=taxonomy, roles={}, names={})
        self.small_cells = small_cells
        self._events = events

    def report(self, asked: Asked, *, advertiser: int | None, site: int | None) -> tuple[Report, Loaded]:
        """advertiser, site: nothing but theirs.  Raises `Invalid` where it would be too much, `DatabaseUnavailable`."""
        question = question_of(asked, advertiser=advertiser, site=site)
        loaded = load(self.engine, question, self.source(asked))
        report = report_of(asked, question, loaded.parts, self.world_with(loaded), self.small_cells)
        return loaded.sourced(report), loaded

    def source(self, asked: Asked) -> Source:
        """What its sums are read from; raises `Invalid` for events where they are not kept."""
        if asked.source == ROLLUP:
            return of_rollups
        if self._events is None:
            sentence = "events are not kept here: the setting ADENGINE_EVENTS_KEEP_DAYS is 0; leave `source` away"
            raise Invalid([Mistake("?source", sentence)])
        return self._events

    def world_with(self, loaded: Loaded) -> World:
        """With the names of what was read."""
        return replace(self.world, roles=loaded.roles, names=loaded.names)


def load(engine: Engine, question: Question, source: Source = of_rollups) -> Loaded:
    """The sums that `question` asks for; raises `Invalid` if they are too many, `DatabaseUnavailable`."""
    if source is of_rollups and is_one_query(question, engine.dialect.name):
        with glancing(engine) as connection:
            loaded = _loaded(connection, question, source)
        if loaded.parts:  # else the standing was asked for alone, and may be true of a later moment
            return loaded
    with reading(engine) as connection:
        return _loaded(connection, question, source)


def is_one_query(question: Question, dialect: str) -> bool:
    """Whether nothing is read beside the sums, and those at once."""
    beside = {*NAMED, VARIANT}.intersection(question.columns)
    return dialect == POSTGRESQL and not question.charged and not beside


def _loaded(connection: Connection, question: Question, source: Source) -> Loaded:
    found = source(connection, question, READ_MAX + 1)
    parts = (*found.parts, *flat_parts(connection, question, found.standing.counted_to_s))
    if len(parts) > READ_MAX:
        raise too_many()
    return Loaded(
        parts=parts, standing=found.standing.told(),
        roles=_roles(connection, question, parts), names=_names(connection, question, parts),
        said=found.said,
    )  # fmt: skip


def _names(connection: Connection, question: Question, parts: Sequence[Read]) -> dict[str, dict[int, str]]:
    names: dict[str, dict[int, str]] = {}
    for index, column_name in enumerate(question.columns):
        if column_name in NAMED:
            table = NAMED[column_name]
            found = _by_ids(
                connection, select(table.c.id, table.c.name), table.c.id, {part.raw[index] for part in parts}
            )
            names[table.name] = {row.id: row.name for row in found}
    return names


def _roles(connection: Connection, question: Question, parts: Sequence[Read]) -> dict[tuple[int, int], list[str]]:
    if VARIANT not in question.columns:
        return {}
    index = question.columns.index(CREATIVE)
    version = catalogue.creative_versions.c
    query = select(version.creative, version.version, version.variants)
    found = _by_ids(connection, query, version.creative, {part.raw[index] for part in parts})
    return {(row.creative, row.version): [variant["role"] for variant in row.variants] for row in found}


def _by_ids(
    connection: Connection, query: Select[Any], key: ColumnElement[int], wanted: Iterable[int | None]
) -> Iterator[Row[Any]]:
    """The rows whose key is wanted, in as many queries as their number needs."""
    some = sorted(id_ for id_ in wanted if id_)
    for begin in range(0, len(some), PARAMETERS_MAX):
        yield from connection.execute(query.where(key.in_(some[begin : begin + PARAMETERS_MAX])))
