"""Sealed hours: sums that were billed do not change any more; what comes later stands beside them as an adjustment.

An hour is sealed when no token of it can come any more: `AFTER_S` behind its begin, and when all that was recorded till
then is in the sums. Its digest is BLAKE2b over the seal before and all its rows as counted, in the order of their key,
so that the last seal vouches for every row of every hour before it. What `ADDED` columns say stands behind a row,
and is left out where all is 0: so hours that were sealed before there were such columns keep their digest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from hashlib import blake2b

import orjson
from sqlalchemy import Connection, func, insert, select

from adengine.counting.postings import ADDED
from adengine.counting.tables import adjustment, hour_seal, rollup

HOUR_S = 3600
AFTER_S = 25 * HOUR_S + 15 * 60
"""A click may come a day after its fill, which may have been at the hour's end; and clocks may differ."""
HOURS_AT_ONCE = 48
"""Sealed in one transaction, so that it stays short."""
DIGEST_BYTES = 32
LATE, MADE = "late", "made"
NOTHING_BEFORE = bytes(DIGEST_BYTES)
SEALED_UNTIL_S = select(func.max(hour_seal.c.hour_s) + HOUR_S).scalar_subquery()
"""What `sealed_until_s` gives, for queries that ask for more beside."""


def seal(connection: Connection, now_s: int, drained_at_s: int) -> int:
    """Seals what is due, oldest first; how many hours."""
    last = connection.execute(select(hour_seal).order_by(hour_seal.c.hour_s.desc()).limit(1)).one_or_none()
    if last is not None:
        hour_s, before = last.hour_s + HOUR_S, bytes(last.digest)
    else:
        first_s = connection.scalar(select(func.min(rollup.c.quarter_s)))
        if first_s is None:
            return 0
        hour_s, before = first_s - first_s % HOUR_S, NOTHING_BEFORE
    sealed = 0
    while sealed < HOURS_AT_ONCE and hour_s + AFTER_S <= min(now_s, drained_at_s):
        cells, before = digest_of(connection, hour_s, before)
        connection.execute(insert(hour_seal).values(hour_s=hour_s, sealed_at_s=now_s, cells=cells, digest=before))
        hour_s, sealed = hour_s + HOUR_S, sealed + 1
    return sealed


def digest_of(connection: Connection, hour_s: int, before: bytes) -> tuple[int, bytes]:
    """(how many rows the hour has, its seal)."""
    first = [column for column in rollup.columns if column.name not in ADDED]
    query = select(*first, *(rollup.c[name] for name in ADDED)).where(
        rollup.c.quarter_s >= hour_s, rollup.c.quarter_s < hour_s + HOUR_S, rollup.c.adjustment == 0
    )
    digest = blake2b(before, digest_size=DIGEST_BYTES)
    digest.update(orjson.dumps(hour_s))
    cells = 0
    for row in sorted(tuple(row) for row in connection.execute(query)):
        digest.update(orjson.dumps(row if any(row[len(first) :]) else row[: len(first)]))
        cells += 1
    return cells, digest.digest()


def broken(connection: Connection, since_s: int = 0) -> Iterator[int]:
    """Hours whose rows are not those that were sealed, or whose seal was not made on the one before.

    since_s: the rows of hours that began before are forgotten; their seals are taken as they are.
    """
    before, expected_s = NOTHING_BEFORE, None
    for row in connection.execute(select(hour_seal).order_by(hour_seal.c.hour_s)).all():
        is_whole = row.hour_s < since_s or digest_of(connection, row.hour_s, before) == (row.cells, bytes(row.digest))
        if not is_whole or (expected_s is not None and row.hour_s != expected_s):
            yield row.hour_s
        before, expected_s = bytes(row.digest), row.hour_s + HOUR_S


def sealed_until_s(connection: Connection) -> int | None:
    """No hour before changes any more; None: none is sealed yet."""
    found: int | None = connection.scalar(select(SEALED_UNTIL_S))
    return found


def adjustments_for(connection: Connection, quarters: Collection[int], now_s: int) -> dict[int, int]:
    """Quarter -> the id of a new adjustment, for those whose hour is sealed: events that come too late to be in it."""
    until_s = sealed_until_s(connection)
    late = sorted(quarter_s for quarter_s in quarters if until_s is not None and quarter_s < until_s)
    if not late:
        return {}
    made = add(connection, LATE, "", "events that were recorded behind the seal", now_s)
    return dict.fromkeys(late, made)


def add(connection: Connection, kind: str, by: str, note: str, now_s: int) -> int:
    """The id of a new adjustment; its rows are the caller's to write."""
    row = insert(adjustment).values(at_s=now_s, kind=kind, by=by, note=note)
    made = connection.execute(row).inserted_primary_key
    assert made is not None
    return int(made[0])
