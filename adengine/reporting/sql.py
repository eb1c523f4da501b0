"""The queries that add the rollups up for a report, and what their rows mean.

SQLite gets a query for each run of equally long spans: it sorts what it groups, and twelve months sooner than a year.
PostgreSQL gets one, in which it can use several processors. A join with a table of all spans was slower on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    func,
    literal,
    literal_column,
    select,
)

from adengine.catalog import tables as catalogue
from adengine.counting.tables import rollup
from adengine.reporting.calendar import Run, runs
from adengine.reporting.question import Question, Read
from adengine.store.sql import metadata

POSTGRESQL = "postgresql"
SPAN = "span"
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


def parts_of(
    question: Question, rows_max: int, dialect: str, read: Callable[[Select[Any]], Sequence[Any]]
) -> tuple[Read, ...]:
    """What `read` answers to the queries of `question`, at most `rows_max` groups.  dialect: of the database's SQL."""
    found: list[Read] = []
    width = len(question.columns)
    for query, number_of in queries_of(question, dialect):
        for row in read(_limited(query, rows_max - len(found), dialect)):
            counts = tuple([int(n) if n else 0 for n in row[2 + width :]])
            raw, micros = tuple(row[2 : 2 + width]), int(row[1] or 0)
            found.append(Read(span=number_of(int(row[0])), raw=raw, counts=counts, micros=micros))
        if len(found) >= rows_max:
            break
    return tuple(found)


def _limited(query: Select[Any], rows: int, dialect: str) -> Select[Any]:
    """At most so many of its groups.

    PostgreSQL is not told before it has planned them all: it would count on the first ones being enough, read them by
    an index, and take seven times as long (10 million sums, a year by month and flight: 13.8 s instead of 1.9 s).
    """
    if dialect != POSTGRESQL:
        return query.limit(rows)
    return select(query.cte("groups").prefix_with("MATERIALIZED")).limit(rows)


def queries_of(question: Question, dialect: str) -> Iterator[tuple[Select[Any], Callable[[int], int]]]:
    """Each query, and what makes its first column the number of a span.

    A row: the span, the sum of micros, the question's columns, the sum of n of each metric; null where there is none.
    """
    begin_s, end_s = question.begin_s, question.end_s
    spans = question.spans
    if len(spans) < 2:
        yield _query(question, None, begin_s, end_s), int
    elif dialect == POSTGRESQL:
        edges = literal([span.begin_s for span in spans[1:]], ARRAY(BigInteger))
        yield _query(question, func.width_bucket(rollup.c.quarter_s, edges), begin_s, end_s), int
    else:
        for run in runs(spans):
            at_s = rollup.c.quarter_s - (rollup.c.quarter_s - run.begin_s) % run.step_s if run.count > 1 else None
            query = _query(question, at_s, max(begin_s, run.begin_s), min(end_s, run.end_s))
            yield query, partial(_number, run)


def _number(run: Run, at_s: int) -> int:
    """Of the span that begins at `at_s`; 0: there is only one."""
    return run.first + (at_s - run.begin_s) // run.step_s if at_s else run.first


def _query(question: Question, span: ColumnElement[int] | None, begin_s: int, end_s: int) -> Select[Any]:
    """As `queries_of` says.  span: what tells spans apart; None: all is one."""
    columns = [*map(_column, question.columns)]
    told = (literal_column("0", Integer) if span is None else span).label(SPAN)
    apart: list[Any] = columns if span is None else [SPAN, *columns]
    conditions = [
        rollup.c.quarter_s >= begin_s,
        rollup.c.quarter_s < end_s,
        rollup.c.metric.in_(question.stored),
        *(_condition(name, wanted) for name, wanted in question.equals),
    ]
    micros: ColumnElement[int] = literal_column("0", Integer)
    if question.charged:
        micros = func.sum(rollup.c.micros).filter(rollup.c.metric.in_(question.charged))
    sums = [func.sum(rollup.c.n).filter(rollup.c.metric == metric) for metric in question.stored]
    named = [column.label(f"column_{at}") for at, column in enumerate(columns)]
    query = select(told, micros.label("micros"), *named, *sums).select_from(_source(question)).where(*conditions)
    # A query without groups has a row even where there is nothing.
    return query.group_by(*apart) if apart else query.having(func.count() > 0)


def _source(question: Question) -> FromClause:
    """`rollup` with all that the columns need."""
    source: FromClause = rollup
    for name in tables_of(question):
        source = source.outerjoin(metadata.tables[name], JOINS[name])
    return source


def tables_of(question: Question) -> list[str]:
    """The tables that join the sums, in their order."""
    tables = {name.split(".")[0] for name in question.columns}
    tables |= {BEHIND[name] for name in tables if name in BEHIND}
    return [name for name in JOINS if name in tables]


def read_of(question: Question) -> set[str]:
    """All tables of the catalogue that its queries name."""
    asked = {table for name, _ in question.equals for table in ASKED.get(name, ())}
    return asked | set(tables_of(question))


def _condition(name: str, wanted: Sequence[Any]) -> ColumnElement[bool]:
    """That a row is of what is wanted, said of the columns that `rollup` has an index of, where that can be.

    A join would say the same; but of an advertiser SQLite would then read everybody's rows.
    """
    here = _column(name).in_(wanted)
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
            asked = catalogue.creatives.c.id.in_(wanted)
            return here & rollup.c.flight.in_(select(catalogue.flights.c.id).where(of_campaign, asked).correlate(None))
    return here


def _column(name: str) -> ColumnElement[Any]:
    table, _, own = name.partition(".")
    found: ColumnElement[Any] = metadata.tables[table].c[own]
    return found
