"""The queries that add the rollups up for a report, and what their rows mean.

SQLite gets a query for each run of equally long spans: it sorts what it groups, and twelve months sooner than a year.
PostgreSQL gets one, in which it can use several processors. A join with a table of all spans was slower on both.
Queries are put together once for each shape and kept: that took 0.5 ms of a report that takes 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Label,
    Select,
    SmallInteger,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)

from adengine.catalog import tables as catalogue
from adengine.counting.metrics import Metric
from adengine.counting.tables import rollup
from adengine.reporting.calendar import Run, runs
from adengine.reporting.question import Question, Read
from adengine.store.sql import metadata

POSTGRESQL = "postgresql"
SPAN, MICROS, METRIC, N = "span", "micros", "metric", "n"
"""Columns of the answers and of what PostgreSQL adds up first."""
BEGIN_S, END_S, EDGES_S, FIRST_S, STEP_S, ROWS, WANTED = (
    "begin_s",
    "end_s",
    "edges_s",
    "first_s",
    "step_s",
    "rows",
    "wanted_",
)
"""Values that a query takes; of the last one there are several, numbered."""
SHAPES_KEPT = 200
"""Dimensions and metrics can be combined without end."""
EDGES = func.width_bucket(rollup.c.quarter_s, bindparam(EDGES_S, type_=ARRAY(BigInteger))).label(SPAN)
"""The number of a span, from where all but the first begin."""
STEPS = (
    rollup.c.quarter_s
    - (rollup.c.quarter_s - bindparam(FIRST_S, type_=BigInteger)) % bindparam(STEP_S, type_=BigInteger)
).label(SPAN)
"""Where a span begins, of spans that are equally long."""
ONE_SPAN = literal_column("0", Integer).label(SPAN)
NO_MICROS: ColumnElement[int] = literal_column("0", Integer)
JOINS = {
    "slots": catalogue.slots.c.id == rollup.c.slot,
    "flights": catalogue.flights.c.id == rollup.c.flight,
    "campaigns": catalogue.campaigns.c.id == catalogue.flights.c.campaign,
}
"""How the tables of dimensions join `rollup`, in an order in which each only needs those before it."""
BEHIND = {"campaigns": "flights"}
"""Tables that are only reached through another one."""
ASKED = {
    "slots.position": ("slots",),
    "flights.campaign": ("flights",),
    "campaigns.advertiser": ("flights", "campaigns"),
    "campaigns.currency": ("flights", "campaigns"),
    "rollup.creative": ("flights", "creatives"),
}
"""Columns that are filtered by -> the tables that say whose slots or flights those are."""
Values = dict[str, Any]
Wanted = Callable[[ColumnElement[Any]], ColumnElement[bool]]
Reader = Callable[[Select[Any], Values], Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What of a question makes its queries; everything else is their values."""

    columns: tuple[str, ...]
    stored: tuple[Metric, ...]
    charged: tuple[Metric, ...]
    filtered: tuple[tuple[str, bool], ...]
    """The columns of its `equals`, and whether one value is wanted; several are written into the query each time."""


def parts_of(question: Question, rows_max: int, dialect: str, read: Reader) -> tuple[Read, ...]:
    """What `read` answers to the queries of `question`, at most `rows_max` groups.  dialect: of the database's SQL."""
    found: list[Read] = []
    begin, end = 2 + len(question.columns), 2 + len(question.columns) + len(question.stored)
    for query, values, number_of in queries_of(question, dialect):
        for row in read(query, values | {ROWS: rows_max - len(found)}):
            counts = tuple([n or 0 for n in row[begin:end]])
            found.append(Read(span=number_of(row[0]), raw=tuple(row[2:begin]), counts=counts, micros=row[1] or 0))
        if len(found) >= rows_max:
            break
    return tuple(found)


def queries_of(question: Question, dialect: str) -> Iterator[tuple[Select[Any], Values, Callable[[int], int]]]:
    """Each query, its values but for `ROWS`, and what makes its first column the number of a span.

    A row: the span, the sum of micros, the question's columns, the sum of n of each metric; null where there is none.
    """
    spans = question.spans
    filtered = tuple((name, len(wanted) == 1) for name, wanted in question.equals)
    shape = Shape(columns=question.columns, stored=question.stored, charged=question.charged, filtered=filtered)
    values: Values = {}
    for at, (_, wanted) in enumerate(question.equals):
        values[f"{WANTED}{at}"] = wanted[0] if len(wanted) == 1 else wanted
    values |= {BEGIN_S: question.begin_s, END_S: question.end_s}
    added_up = pivoted if dialect == POSTGRESQL else columned
    if len(spans) < 2:
        yield added_up(shape), values, _itself
    elif dialect == POSTGRESQL and len({span.end_s - span.begin_s for span in spans}) > 1:
        yield added_up(shape, EDGES), values | {EDGES_S: [span.begin_s for span in spans[1:]]}, _itself
    else:
        for run in runs(spans):
            begin_s, end_s = max(question.begin_s, run.begin_s), min(question.end_s, run.end_s)
            steps = {FIRST_S: run.begin_s, STEP_S: run.step_s} if run.count > 1 else {}
            query = added_up(shape, STEPS if steps else None)
            yield query, values | {BEGIN_S: begin_s, END_S: end_s} | steps, partial(_number, run)


def _itself(number: int) -> int:
    return number


def _number(run: Run, at_s: int) -> int:
    """Of the span that begins at `at_s`; 0: there is only one."""
    return run.first + (at_s - run.begin_s) // run.step_s if at_s else run.first


@lru_cache(maxsize=SHAPES_KEPT)
def columned(shape: Shape, cut: Label[int] | None = None) -> Select[Any]:
    """Metrics as columns at once: fewer groups to sort.  cut: what tells spans apart; None: all is one."""
    micros = NO_MICROS
    if shape.charged:
        micros = func.sum(rollup.c.micros).filter(rollup.c.metric.in_(_numbers(shape.charged)))
    counts = [func.sum(rollup.c.n).filter(rollup.c.metric == number) for number in _numbers(shape.stored)]
    told: list[ColumnElement[Any]] = [ONE_SPAN if cut is None else cut, micros.label(MICROS), *_named(shape), *counts]
    query = _among(shape, select(*told))
    return _grouped(query, [*([] if cut is None else [SPAN]), *map(_column, shape.columns)])


@lru_cache(maxsize=SHAPES_KEPT)
def pivoted(shape: Shape, cut: Label[int] | None = None) -> Select[Any]:
    """Metrics as rows first, which PostgreSQL adds up in several processes and without sorting, then as columns.

    With metrics as columns at once it takes a group for so wide that it sorts all rows on the disk instead: a year by
    month and flight, 10 million sums, took 1.8 times the bare query. What is added up first is planned without the
    limit: with it, it counts on the first groups being enough, reads them by an index, and takes seven times as long.
    cut: as `columned` takes it.
    """
    spans = [] if cut is None else [cut]
    sums = [func.sum(rollup.c.n).label(N), *([func.sum(rollup.c.micros).label(MICROS)] if shape.charged else [])]
    first: list[ColumnElement[Any]] = [*spans, *_named(shape), rollup.c.metric.label(METRIC), *sums]
    rows = _among(shape, select(*first)).group_by(
        *([SPAN] if spans else []), *map(_column, shape.columns), rollup.c.metric
    )
    groups = rows.cte("groups").prefix_with("MATERIALIZED").c
    micros = NO_MICROS
    if shape.charged:
        micros = _whole(func.sum(groups[MICROS]).filter(groups[METRIC].in_(_numbers(shape.charged))))
    apart = [groups[column.name] for column in (*spans, *_named(shape))]
    counts = [_whole(func.sum(groups[N]).filter(groups[METRIC] == number)) for number in _numbers(shape.stored)]
    span, *others = apart if spans else [ONE_SPAN, *apart]
    return _grouped(select(span, micros.label(MICROS), *others, *counts), apart)


def _among(shape: Shape, query: Select[Any]) -> Select[Any]:
    """Of the rollups that the question is about."""
    return query.select_from(_source(shape.columns)).where(
        rollup.c.quarter_s >= bindparam(BEGIN_S),
        rollup.c.quarter_s < bindparam(END_S),
        rollup.c.metric.in_(_numbers(shape.stored)),
        *(_condition(name, _is_wanted(f"{WANTED}{at}", is_one)) for at, (name, is_one) in enumerate(shape.filtered)),
    )


def _grouped(query: Select[Any], apart: list[Any]) -> Select[Any]:
    """At most `ROWS` groups. A query without groups has a row even where there is nothing."""
    grouped = query.group_by(*apart) if apart else query.having(func.count() > 0)
    return grouped.limit(bindparam(ROWS, type_=Integer))


def _whole(total: ColumnElement[Any]) -> ColumnElement[int]:
    """A sum as Python's whole number; PostgreSQL's are decimals, of which reading one takes ten times as long."""
    return cast(total, BigInteger)


def _named(shape: Shape) -> list[Label[Any]]:
    return [_column(name).label(f"column_{at}") for at, name in enumerate(shape.columns)]


def _numbers(metrics: Sequence[Metric]) -> list[ColumnElement[int]]:
    """As they stand in the table; part of a query, not values, of which each costs time."""
    return [literal_column(str(int(metric)), SmallInteger) for metric in metrics]


def _source(columns: Sequence[str]) -> FromClause:
    """`rollup` with all that the columns need."""
    source: FromClause = rollup
    for name in tables_of(columns):
        source = source.outerjoin(metadata.tables[name], JOINS[name])
    return source


def tables_of(columns: Sequence[str]) -> list[str]:
    """The tables that join the sums, in their order."""
    tables = {name.split(".")[0] for name in columns}
    tables |= {BEHIND[name] for name in tables if name in BEHIND}
    return [name for name in JOINS if name in tables]


def read_of(question: Question) -> set[str]:
    """All tables of the catalogue that its queries name."""
    asked = {table for name, _ in question.equals for table in ASKED.get(name, ())}
    return asked | set(tables_of(question.columns))


def _is_wanted(value: str, is_one: bool) -> Wanted:
    """value: the name of the value that has what is wanted."""
    if is_one:
        return lambda column: column == bindparam(value, type_=column.type)
    return lambda column: column.in_(bindparam(value, expanding=True, type_=column.type))


def _condition(name: str, is_wanted: Wanted) -> ColumnElement[bool]:
    """That a row is of what is wanted, said of the columns that `rollup` has an index of, where that can be.

    A join would say the same; but of an advertiser SQLite would then read everybody's rows.
    """
    here = is_wanted(_column(name))
    match name.split("."):
        case ["slots", _]:
            return rollup.c.slot.in_(select(catalogue.slots.c.id).where(here).correlate(None))
        case ["flights", _]:
            return rollup.c.flight.in_(select(catalogue.flights.c.id).where(here).correlate(None))
        case ["campaigns", _]:
            of_campaign = catalogue.flights.c.campaign == catalogue.campaigns.c.id
            return rollup.c.flight.in_(select(catalogue.flights.c.id).where(of_campaign, here).correlate(None))
        case ["rollup", "creative"]:
            of_campaign = catalogue.flights.c.campaign == catalogue.creatives.c.campaign
            asked = is_wanted(catalogue.creatives.c.id)
            return here & rollup.c.flight.in_(select(catalogue.flights.c.id).where(of_campaign, asked).correlate(None))
    return here


def _column(name: str) -> ColumnElement[Any]:
    table, _, own = name.partition(".")
    found: ColumnElement[Any] = metadata.tables[table].c[own]
    return found
