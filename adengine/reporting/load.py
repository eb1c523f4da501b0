"""Reads the sums of a report out of the database, in one query bounded in rows, and what their numbers refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Integer,
    Row,
    Select,
    column,
    func,
    literal_column,
    select,
    values,
)

from adengine.catalog import tables as catalogue
from adengine.counting.metrics import Metric as Stored
from adengine.counting.seals import sealed_until_s
from adengine.counting.tables import consumer_lease, rollup
from adengine.errors import Invalid, Mistake
from adengine.places import Gazetteer
from adengine.reporting.delivery import Question, Read, Report, question_of, report_of, too_many
from adengine.reporting.dimensions import World
from adengine.reporting.query import ROLLUP, Asked
from adengine.store.sql import metadata, reading
from adengine.topics import Taxonomy
from adengine.web import instants

READ_MAX = 100_000
"""Groups of sums that one report may read; many of them can end in one row."""
PARAMETERS_MAX = 10_000
"""Ids asked for in one query; both databases take more."""
JOINS = {
    "slots": catalogue.slots.c.id == rollup.c.slot,
    "flights": catalogue.flights.c.id == rollup.c.flight,
    "campaigns": catalogue.campaigns.c.id == catalogue.flights.c.campaign,
}
"""How the tables of dimensions join `rollup`, in an order in which each only needs those before it."""
BEHIND = {"campaigns": "flights"}
"""Tables that are only reached through another one."""
NAMED = {
    "rollup.site": catalogue.sites,
    "rollup.slot": catalogue.slots,
    "campaigns.advertiser": catalogue.advertisers,
    "flights.campaign": catalogue.campaigns,
}
"""Columns of ids whose tables have names for people."""
CREATIVE, VARIANT = "rollup.creative", "rollup.variant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a source has for a question."""

    rows: Sequence[Any]
    """As `query_of` says."""
    said: str = ""
    """What a reader of the report must know of it."""


Source = Callable[[Connection, Question, int], Found]
"""(the view in which everything of a report is read, the question, how many rows at most) -> what it has."""


def of_rollups(connection: Connection, question: Question, rows_max: int) -> Found:
    return Found(rows=connection.execute(query_of(question).limit(rows_max)).all())


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    parts: tuple[Read, ...]
    as_of_s: int
    """All events up to then are in the sums; 0: none were ever counted."""
    sealed_until_s: int | None
    """No hour before changes any more."""
    roles: Mapping[tuple[int, int], Sequence[str]]
    names: Mapping[str, Mapping[int, str]]
    said: str
    """As in `Found`."""

    @property
    def standing(self) -> dict[str, str | None]:
        """Up to when the sums are true, as answers say it."""
        return {
            "as_of": instants.spelled(self.as_of_s) if self.as_of_s else None,
            "sealed_until": instants.spelled(self.sealed_until_s) if self.sealed_until_s is not None else None,
        }

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
    with reading(engine) as connection:
        as_of_s = connection.scalar(select(consumer_lease.c.drained_at_s)) or 0
        found = source(connection, question, READ_MAX + 1)
        if len(found.rows) > READ_MAX:
            raise too_many()
        parts = tuple(
            Read(span=row[0], raw=tuple(row[3:-1]), metric=Stored(row[-1]), n=int(row[1]), micros=int(row[2]))
            for row in found.rows
        )
        return Loaded(
            parts=parts, as_of_s=as_of_s, sealed_until_s=sealed_until_s(connection),
            roles=_roles(connection, question, parts), names=_names(connection, question, parts),
            said=found.said,
        )  # fmt: skip


def query_of(question: Question) -> Select[Any]:
    """(span's number, sum of n, sum of micros, the question's columns, metric), grouped by all but the sums."""
    source, span = _source(question)
    apart = [*([span] if question.spans else ()), *map(_column, question.columns), rollup.c.metric]
    conditions = [
        rollup.c.quarter_s >= question.begin_s,
        rollup.c.quarter_s < question.end_s,
        rollup.c.metric.in_(sorted(question.stored)),
        *(_column(name).in_(wanted) for name, wanted in question.equals),
    ]
    sums = (func.sum(rollup.c.n), func.sum(rollup.c.micros))
    columns = [span, *sums, *map(_column, question.columns), rollup.c.metric]
    return select(*columns).select_from(source).where(*conditions).group_by(*apart)


def _source(question: Question) -> tuple[FromClause, ColumnElement[int]]:
    """`rollup` with all that the columns need, and the number of the span that a row lies in."""
    source: FromClause = rollup
    span: ColumnElement[int] = literal_column("0", Integer)
    if question.spans:
        spans = _span_table(question)
        source = spans.join(rollup, (rollup.c.quarter_s >= spans.c.begin_s) & (rollup.c.quarter_s < spans.c.end_s))
        span = spans.c.number
    for name in tables_of(question):
        source = source.outerjoin(metadata.tables[name], JOINS[name])
    return source, span


def tables_of(question: Question) -> list[str]:
    """The tables that join the sums, in their order."""
    tables = {name.split(".")[0] for name in (*question.columns, *(name for name, _ in question.equals))}
    tables |= {BEHIND[name] for name in tables if name in BEHIND}
    return [name for name in JOINS if name in tables]


def _span_table(question: Question) -> CTE:
    rows = [(number, span.begin_s, span.end_s) for number, span in enumerate(question.spans)]
    shape = (column("number", Integer), column("begin_s", BigInteger), column("end_s", BigInteger))
    return values(*shape, name="spans", literal_binds=True).data(rows).cte("spans")


def _column(name: str) -> ColumnElement[Any]:
    table, _, own = name.partition(".")
    found: ColumnElement[Any] = metadata.tables[table].c[own]
    return found


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
