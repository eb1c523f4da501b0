"""Reads and writes reports that are made in the background; their rows lie in parts of `PART_ROWS`."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from adengine.catalog.nouns import Key
from adengine.errors import NotFound
from adengine.reporting.delivery import Report
from adengine.reporting.jobs.schema import DONE, FAILED, QUEUED, RUNNING
from adengine.reporting.saved.sql import visible
from adengine.reporting.tables import report_job, report_rows

Row = dict[str, Any]
PART_ROWS = 500
CLAIM_S = 60
"""Whoever makes a report says so at least this often, or it is made by another."""


def add(connection: Connection, query: Mapping[str, Any], key: Key, now_s: int) -> int:
    values = {"created_at_s": now_s, "by": key.name, "advertiser": key.advertiser, "site": key.site}
    made = connection.execute(insert(report_job).values(**values, query=query, status=QUEUED)).inserted_primary_key
    assert made is not None
    return int(made[0])


def find(connection: Connection, id_: int | None, key: Key) -> Row:
    """Raises `NotFound` for an absent and a foreign one alike."""
    query = select(report_job).where(report_job.c.id == id_, visible(report_job, key))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("there is no such job")
    return dict(row)


def page(connection: Connection, key: Key, after: int, count: int) -> list[Row]:
    query = select(report_job).where(visible(report_job, key), report_job.c.id > after)
    return [dict(row) for row in connection.execute(query.order_by(report_job.c.id).limit(count)).mappings()]


def drop(connection: Connection, id_: int) -> None:
    """Whoever makes it notices at his next part."""
    connection.execute(delete(report_job).where(report_job.c.id == id_))


def forget(connection: Connection, before_s: int) -> int:
    """Those asked for before; how many."""
    return connection.execute(delete(report_job).where(report_job.c.created_at_s < before_s)).rowcount


def has_work(connection: Connection, before_s: int) -> bool:
    """Whether one is to be made, or may be, or is to be forgotten because it was asked for before."""
    open_ = or_(report_job.c.status.in_((QUEUED, RUNNING)), report_job.c.created_at_s < before_s)
    return connection.scalar(select(report_job.c.id).where(open_).limit(1)) is not None


def claim(connection: Connection, now_s: int) -> Row | None:
    """The next one to make: the oldest that nobody makes, or whose maker is dead."""
    dead = and_(report_job.c.status == RUNNING, report_job.c.claimed_until_s < now_s)
    query = select(report_job).where(or_(report_job.c.status == QUEUED, dead)).order_by(report_job.c.id).limit(1)
    row = connection.execute(query.with_for_update(skip_locked=True)).mappings().one_or_none()
    if row is None:
        return None
    claimed = {"status": RUNNING, "claimed_until_s": now_s + CLAIM_S, "progress": 0.0}
    connection.execute(update(report_job).where(report_job.c.id == row["id"]).values(**claimed))
    return dict(row) | claimed


def note(connection: Connection, id_: int, progress: float, now_s: int) -> bool:
    """progress: of 1.  Whether the job is still wanted."""
    mine = and_(report_job.c.id == id_, report_job.c.status == RUNNING)
    values = {"progress": progress, "claimed_until_s": now_s + CLAIM_S}
    return connection.execute(update(report_job).where(mine).values(**values)).rowcount == 1


def finish(connection: Connection, id_: int, report: Report, standing: Mapping[str, Any], now_s: int) -> None:
    told: Row = {"columns": list(report.columns), "totals": report.totals, "definitions": dict(report.definitions)}
    told |= {"rows": len(report.rows), **standing}
    values: Row = {"status": DONE, "progress": 1.0, "finished_at_s": now_s, "told": told}
    mine = and_(report_job.c.id == id_, report_job.c.status == RUNNING)
    if connection.execute(update(report_job).where(mine).values(**values)).rowcount == 1 and report.rows:
        parts = range(0, len(report.rows), PART_ROWS)
        rows = [{"job": id_, "number": at, "rows": _packed(report.rows[at : at + PART_ROWS])} for at in parts]
        connection.execute(insert(report_rows), rows)


def fail(connection: Connection, id_: int, problem: str, now_s: int) -> None:
    values = {"status": FAILED, "finished_at_s": now_s, "problem": problem}
    connection.execute(update(report_job).where(report_job.c.id == id_).values(**values))


def rows(connection: Connection, id_: int, first: int, count: int) -> list[Row]:
    """At most `count` rows from the one of number `first`."""
    own = report_rows.c.number
    query = select(own, report_rows.c.rows).where(
        report_rows.c.job == id_, own > first - PART_ROWS, own < first + count
    )  # fmt: skip
    parts = connection.execute(query.order_by(own)).all()
    found = [row for part in parts for row in _unpacked(part.rows)]
    begin = first - parts[0].number if parts else 0
    return found[begin : begin + count]


def all_rows(connection: Connection, id_: int) -> Iterator[Row]:
    query = select(report_rows.c.rows).where(report_rows.c.job == id_).order_by(report_rows.c.number)
    for part in connection.execute(query):
        yield from _unpacked(part.rows)


def _packed(some: list[Row]) -> bytes:
    return zlib.compress(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in some))


def _unpacked(part: bytes) -> list[Row]:
    return [orjson.loads(line) for line in zlib.decompress(part).splitlines()]
