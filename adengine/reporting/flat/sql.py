"""Reads what was agreed on of flights with flat prices, and adds up what falls due in the spans of a question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, or_, select

from adengine.catalog.tables import campaigns, flight_terms, flights
from adengine.reporting.flat.accrual import Account, Terms, account_of, due
from adengine.reporting.question import SPLIT_BY, Question, Read, too_many

FLAT = "flat"
DUE_MAX = 500_000
"""Spans in which flights owe something, of all flights of one report; 10 000 flights by 31 days took 2 s."""
COLUMNS = {
    "rollup.flight": flights.c.id,
    "flights.campaign": flights.c.campaign,
    "campaigns.advertiser": campaigns.c.advertiser,
    "campaigns.currency": campaigns.c.currency,
}
"""Where a flight itself has what the sums say of it."""
assert COLUMNS.keys() == SPLIT_BY


def flat_parts(connection: Connection, question: Question, until_s: int, due_max: int = DUE_MAX) -> tuple[Read, ...]:
    """What falls due in each span by `until_s`, by the question's columns; raises `Invalid` where that is too much.

    Nothing where the question does not ask for money, or by something that a flat price cannot be split by.
    """
    end_s = min(question.end_s, until_s)
    if not question.charged or question.unsplit or end_s <= question.begin_s:
        return ()
    edges_s = _edges(question, end_s)
    sums: dict[tuple[int, tuple[Any, ...]], int] = defaultdict(int)
    asked = 0
    for raw, account in _accounts(connection, question):
        fallen_due = due(account, edges_s)
        asked += len(fallen_due)
        if asked > due_max:
            raise too_many()
        for span, micros in fallen_due:
            sums[span, raw] += micros
    nothing = (0,) * len(question.stored)
    return tuple(Read(span=span, raw=raw, counts=nothing, micros=n) for (span, raw), n in sums.items() if n)


def _edges(question: Question, end_s: int) -> list[int]:
    """The begin of each span and the end of the last one, inside of what is asked for."""
    begins = [max(span.begin_s, question.begin_s) for span in question.spans] or [question.begin_s]
    return [*(min(begin_s, end_s) for begin_s in begins), end_s]


def _accounts(connection: Connection, question: Question) -> Iterator[tuple[tuple[Any, ...], Account]]:
    """(the question's columns, the account) of each flight that has, or had, a flat price."""
    ever = select(flight_terms.c.flight)
    is_flat = (flights.c.price["model"].as_string() == FLAT) & (flights.c.price["micros"].as_string() != "0")
    query = (
        select(flights, *(COLUMNS[name].label(name) for name in question.columns))
        .join(campaigns, campaigns.c.id == flights.c.campaign)
        .where(or_(is_flat & (flights.c.starts_at_s < question.end_s), flights.c.id.in_(ever)))
        .where(*(COLUMNS[name].in_(wanted) for name, wanted in question.equals))
    )
    found = connection.execute(query).mappings().all()
    before = _terms_before(connection) if found else {}
    for row in found:
        agreed = (*before.get(row["id"], ()), _terms(row, row["archived_at_s"]))
        yield tuple(row[name] for name in question.columns), account_of(agreed, row["created_at_s"])


def _terms(row: RowMapping, until_s: int | None) -> Terms:
    micros = row["price"]["micros"] if row["price"]["model"] == FLAT else None
    return Terms(micros=micros, starts_at_s=row["starts_at_s"], ends_at_s=row["ends_at_s"], until_s=until_s)


def _terms_before(connection: Connection) -> Mapping[int, list[Terms]]:
    """By flight, what was agreed on before its last edit."""
    found: dict[int, list[Terms]] = defaultdict(list)
    rows = connection.execute(select(flight_terms).order_by(flight_terms.c.flight, flight_terms.c.until_s)).mappings()
    for row in rows:
        found[row["flight"]].append(_terms(row, row["until_s"]))
    return found
