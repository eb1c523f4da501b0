"""How long each table of counting keeps what it has, and forgetting it: whole days, a part at a time.

Ids are kept for three days, whatever is set: tokens live for one, and the audit looks at two. Sums go only when their
hour is sealed; the seal stays, and vouches for what was there. What a goal has had (`flight_day`) and adjustments stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, insert, select, update

from adengine.caps.windows import day_began_s
from adengine.counting import seals
from adengine.counting.tables import dead_letter, flight_day, kept_since, reached, rollup

DAY_S = 86_400
INTO_NEXT_DAY_S = 36 * 3600
"""From any midnight into the day behind it, be that one of 23 or of 25 hours."""
LETTERS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Days that each kind is kept for; 0: for good."""

    sums: int = 0
    reach: int = 0
    letters: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What a setting keeps, and how it is forgotten."""

    field: str
    """Of `Keeping`."""
    setting: str
    what: str
    forget: Callable[[Connection, int, ZoneInfo], int]
    """(transaction, a midnight: what is of before may go, the zone of days) -> how many rows went."""


def forget(connection: Connection, keeping: Keeping, now_s: int, zone: ZoneInfo) -> int:
    """Forgets a part of what is older than it should be; how many rows."""
    gone = 0
    for keep in KEEPS:
        days: int = getattr(keeping, keep.field)
        if days:
            gone += keep.forget(connection, day_began_s(now_s - days * DAY_S, zone), zone)
    return gone


def sums_since_s(connection: Connection) -> int:
    """Sums of before are forgotten; 0: none is."""
    return connection.scalar(select(kept_since.c.since_s).where(kept_since.c.name == rollup.name)) or 0


def _forget_sums(connection: Connection, until_s: int, zone: ZoneInfo) -> int:
    """The oldest day. How far that is stands in the database, or the audit would take it for a loss."""
    oldest_s = connection.scalar(select(func.min(rollup.c.quarter_s)))
    sealed_s = seals.sealed_until_s(connection) or 0
    if oldest_s is None or oldest_s >= min(until_s, sealed_s):
        return 0
    day_end_s = day_began_s(day_began_s(oldest_s, zone) + INTO_NEXT_DAY_S, zone)
    if day_end_s > min(until_s, sealed_s):
        return 0
    since_s = max(day_end_s, sums_since_s(connection))
    gone = connection.execute(delete(rollup).where(rollup.c.quarter_s < day_end_s)).rowcount
    known = update(kept_since).where(kept_since.c.name == rollup.name)
    if connection.execute(known.values(since_s=since_s)).rowcount == 0:
        connection.execute(insert(kept_since).values(name=rollup.name, since_s=since_s))
    return gone


def _forget_reach(connection: Connection, until_s: int, _zone: ZoneInfo) -> int:
    """Of a flight that has had nothing since, all readers at once: a part of them would be a wrong reach."""
    ended = (
        select(flight_day.c.flight)
        .where(flight_day.c.flight.in_(select(reached.c.flight)))
        .group_by(flight_day.c.flight)
        .having(func.max(flight_day.c.day_s) < until_s)
        .limit(1)
    )
    return connection.execute(delete(reached).where(reached.c.flight == ended.scalar_subquery())).rowcount


def _forget_letters(connection: Connection, until_s: int, _zone: ZoneInfo) -> int:
    oldest = select(dead_letter.c.ms).where(dead_letter.c.ms < until_s * 1000).order_by(dead_letter.c.ms)
    upto = connection.scalar(select(func.max(oldest.limit(LETTERS_AT_ONCE).subquery().c.ms)))
    return 0 if upto is None else connection.execute(delete(dead_letter).where(dead_letter.c.ms <= upto)).rowcount


FOR_GOOD = Keeping()
KEEPS = (
    Keep(field="sums", setting="sums_keep_days", what="Sums of sealed hours are kept for", forget=_forget_sums),
    Keep(field="reach", setting="reach_keep_days", what="Whom a flight has reached is kept, after its last day, for",
         forget=_forget_reach),
    Keep(field="letters", setting="letter_keep_days", what="Events that could not be read are kept for",
         forget=_forget_letters),
)  # fmt: skip
