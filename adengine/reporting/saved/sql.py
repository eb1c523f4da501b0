"""Reads and writes saved reports, their links, and when each was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, select, update

from adengine.catalog.nouns import Key
from adengine.errors import NotFound
from adengine.reporting.saved.schedule import next_try_s
from adengine.reporting.tables import report_delivery, report_link, saved_report

Row = dict[str, Any]
SENT_LISTED = 50


def visible(table: Table, key: Key) -> ColumnElement[bool]:
    """What was made with eyes that see no more than the key's."""
    mine = [
        table.c[name] == wanted
        for name, wanted in (("advertiser", key.advertiser), ("site", key.site))
        if wanted is not None
    ]
    return and_(True, *mine)


def find(connection: Connection, id_: int | None, key: Key) -> Row:
    """Raises `NotFound` for an absent and a foreign one alike."""
    query = select(saved_report).where(saved_report.c.id == id_, visible(saved_report, key))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("there is no such report")
    return dict(row)


def page(connection: Connection, key: Key, after: int, count: int) -> list[Row]:
    """At most `count` by rising id from the one behind `after`."""
    query = select(saved_report).where(visible(saved_report, key), saved_report.c.id > after)
    return [dict(row) for row in connection.execute(query.order_by(saved_report.c.id).limit(count)).mappings()]


def add(connection: Connection, values: Mapping[str, Any], key: Key, now_s: int) -> int:
    row = {"created_at_s": now_s, "updated_at_s": now_s, "by": key.name, "advertiser": key.advertiser, "site": key.site}
    made = connection.execute(insert(saved_report).values(**row, **values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def change(connection: Connection, row: Row, values: Mapping[str, Any], now_s: int) -> None:
    changed = {**values, "updated_at_s": now_s, "revision": row["revision"] + 1}
    connection.execute(update(saved_report).where(saved_report.c.id == row["id"]).values(**changed))
    if "schedule" in values:
        open_ = (report_delivery.c.report == row["id"], report_delivery.c.next_try_s.is_not(None))
        given_up = {"next_try_s": None, "problem": "given up: the schedule was changed"}
        connection.execute(update(report_delivery).where(*open_).values(**given_up))


def drop(connection: Connection, id_: int) -> None:
    """With its links and what it was sent."""
    connection.execute(delete(saved_report).where(saved_report.c.id == id_))


def links(connection: Connection, report: int) -> list[Row]:
    query = select(report_link).where(report_link.c.report == report).order_by(report_link.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def add_link(connection: Connection, report: int, by: str, now_s: int, expires_at_s: int) -> Row:
    values = {"report": report, "by": by, "created_at_s": now_s, "expires_at_s": expires_at_s}
    made = connection.execute(insert(report_link).values(**values)).inserted_primary_key
    assert made is not None
    return {"id": int(made[0]), **values}


def drop_link(connection: Connection, report: int, id_: int | None) -> None:
    """Raises `NotFound`."""
    gone = delete(report_link).where(report_link.c.report == report, report_link.c.id == id_)
    if connection.execute(gone).rowcount != 1:
        raise NotFound("there is no such link")


def shared(connection: Connection, link: int, now_s: int) -> tuple[Row, Row] | None:
    """(the link, its report), if it has not expired."""
    found = connection.execute(
        select(report_link).where(report_link.c.id == link, report_link.c.expires_at_s > now_s)
    ).mappings().one_or_none()  # fmt: skip
    if found is None:
        return None
    report = connection.execute(select(saved_report).where(saved_report.c.id == found["report"])).mappings().one()
    return dict(found), dict(report)


def sent(connection: Connection, report: int) -> list[Row]:
    """The last times that it was due, newest first."""
    query = select(report_delivery).where(report_delivery.c.report == report)
    newest = query.order_by(report_delivery.c.due_at_s.desc()).limit(SENT_LISTED)
    return [dict(row) for row in connection.execute(newest).mappings()]


def has_work(connection: Connection, now_s: int) -> bool:
    """Whether anything is to be sent by now."""
    waiting = (saved_report.c.next_at_s <= now_s, report_delivery.c.next_try_s <= now_s)
    return any(connection.scalar(select(condition).where(condition).limit(1)) is not None for condition in waiting)


def due(connection: Connection, now_s: int) -> list[Row]:
    """The reports that are to be sent by now."""
    query = select(saved_report).where(saved_report.c.next_at_s <= now_s).order_by(saved_report.c.next_at_s)
    return [dict(row) for row in connection.execute(query).mappings()]


def put_down(connection: Connection, row: Row, now_s: int, next_at_s: int | None) -> None:
    """Notes that a report is due, once whoever else does the same, and when it is next."""
    mine = and_(saved_report.c.id == row["id"], saved_report.c.next_at_s == row["next_at_s"])
    if connection.execute(update(saved_report).where(mine).values(next_at_s=next_at_s)).rowcount == 1:
        values = {"report": row["id"], "due_at_s": row["next_at_s"], "next_try_s": now_s}
        connection.execute(insert(report_delivery).values(**values))


def claim(connection: Connection, now_s: int) -> tuple[Row, Row] | None:
    """(a delivery that is to be tried now, its report); whoever claims it has the time up to its next try."""
    query = select(report_delivery).where(report_delivery.c.next_try_s <= now_s).order_by(report_delivery.c.next_try_s)
    row = connection.execute(query.limit(1).with_for_update(skip_locked=True)).mappings().one_or_none()
    if row is None:
        return None
    attempts = row["attempts"] + 1
    claimed = {"attempts": attempts, "next_try_s": next_try_s(attempts, now_s)}
    mine = and_(report_delivery.c.id == row["id"], report_delivery.c.attempts == row["attempts"])
    connection.execute(update(report_delivery).where(mine).values(**claimed))
    report = connection.execute(select(saved_report).where(saved_report.c.id == row["report"])).mappings().one()
    return dict(row) | claimed, dict(report)


def tried(connection: Connection, delivery: int, target: str, problem: str, delivered_at_s: int | None) -> None:
    """problem: empty if it arrived."""
    values: Row = {"target": target, "problem": problem, "delivered_at_s": delivered_at_s}
    if not problem:
        values["next_try_s"] = None
    connection.execute(update(report_delivery).where(report_delivery.c.id == delivery).values(**values))


def forget_sent(connection: Connection, before_s: int) -> int:
    """Forgets what was due long ago; how many."""
    old: Sequence[ColumnElement[bool]] = (report_delivery.c.due_at_s < before_s, report_delivery.c.next_try_s.is_(None))
    return connection.execute(delete(report_delivery).where(*old)).rowcount
