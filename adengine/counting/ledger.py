"""The SQL side of counting: one transaction per batch, and who may write it.

The consumer's lease has a fence that grows with each change of holder. Every transaction first touches the lease under
its own fence, so a consumer that was thought dead can never commit behind its successor, on whatever machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Table, column, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from adengine.counting import kept, seals
from adengine.counting.additions import DAILY, leased, of_days, reached_by, summed
from adengine.counting.metrics import QUARTER_S
from adengine.counting.postings import Posting, StreamId
from adengine.counting.retention import FOR_GOOD, Keeping, forget
from adengine.counting.tables import (
    consumer_lease,
    dead_letter,
    event_lines,
    flight_day,
    flight_leased,
    reached,
    rollup,
    seen,
    stream_offset,
    traffic_rules,
)
from adengine.counting.tokens import LEASE_WINDOW_S
from adengine.counting.traffic.rules import Rules
from adengine.store.sql import reading, writing

LEASE = 1
LEASE_S = 5
"""A holder who has not written for so long may be replaced from another machine."""
SEEN_S = 3 * 86_400
"""How long an event's id is remembered; far longer than a token lives and than streams are kept."""
LEASED_S = 3 * 3600
"""How long it is remembered which lease an impression spent; longer than any counts after it was leased."""
PRUNED_MAX = 20_000
"""Rows forgotten in one transaction, so that it stays short."""


class LeaseLost(Exception):
    """Another consumer has taken over; nothing of the batch was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """How far a bucket's stream is in the rollups."""

    epoch: bytes
    last: StreamId
    entries: int = 0
    """How many entries of this epoch that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """The entries of one bucket that a batch takes in, ascending, at least one."""

    epoch: bytes
    entries: Sequence[StreamId]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    bucket: int
    epoch: bytes
    ms: int
    seq: int
    problem: str
    event: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction writes: some buckets' entries, as postings or as dead letters."""

    postings: Sequence[Posting]
    dead: Sequence[DeadLetter]
    passages: Mapping[int, Passage]


class Ledger:
    def __init__(
        self, engine: Engine, timezone: str = "UTC", *, keeps_events: bool = False, keeping: Keeping = FOR_GOOD
    ) -> None:
        """timezone: IANA name; flights' days begin at its midnight.

        keeps_events: one by one too, for the keeper to write into files.  keeping: what `prune` forgets when.
        """
        self._keeping = keeping
        self._engine = engine
        self._keeps_events = keeps_events
        self._zone = ZoneInfo(timezone)

    def claim(self, holder: str, now_s: int) -> int | None:
        """The fence under which `holder` may write, or None while another one is alive.

        A holder of the same name is its own predecessor, dead or about to notice: it is replaced at once.
        """
        with writing(self._engine) as connection:
            _upsert(
                connection, consumer_lease,
                [{"id": LEASE, "holder": "", "fence": 0, "expires_at_s": 0, "drained_at_s": 0}]
            )  # fmt: skip
            lease = connection.execute(select(consumer_lease).with_for_update()).one()
            if lease.expires_at_s > now_s and lease.holder not in ("", holder):
                return None
            fence: int = lease.fence + 1
            connection.execute(update(consumer_lease).values(holder=holder, fence=fence, expires_at_s=now_s + LEASE_S))
            return fence

    def renew(self, fence: int, now_s: int, drained_at_s: int) -> None:
        """Keeps the lease; drained_at_s: all events up to then are in the rollups. Raises `LeaseLost`."""
        with writing(self._engine) as connection:
            _hold(connection, fence, now_s, drained_at_s=drained_at_s)

    def release(self, fence: int) -> None:
        """Lets another consumer begin at once."""
        with writing(self._engine) as connection:
            connection.execute(
                update(consumer_lease).where(consumer_lease.c.fence == fence).values(holder="", expires_at_s=0)
            )

    def offsets(self) -> dict[int, Offset]:
        with reading(self._engine) as connection:
            return offsets_of(connection)

    def holder(self) -> str:
        """Whose consumer counts, or did last; empty: nobody's."""
        with reading(self._engine) as connection:
            return connection.scalar(select(consumer_lease.c.holder)) or ""

    def drained_at_s(self) -> int:
        """All events up to then are in the rollups; 0 before the first reading."""
        with reading(self._engine) as connection:
            return connection.scalar(select(consumer_lease.c.drained_at_s)) or 0

    def post(self, batch: Batch, fence: int, now_s: int) -> int:
        """Commits the batch, whole or not at all; how many of its postings were new. Raises `LeaseLost`."""
        with writing(self._engine) as connection:
            _hold(connection, fence, now_s)
            fresh = self._count(connection, batch.postings, now_s)
            _upsert(connection, dead_letter, [asdict(letter) for letter in batch.dead])
            _advance(connection, batch.passages, fence)
        return fresh

    def bury(self, letters: Sequence[DeadLetter], postings: Sequence[Posting], now_s: int) -> int:
        """Counts what dead letters turned out to say, and drops them; how many of the postings were new.

        Needs no lease: sums are added to in the database, and `seen` judges whoever comes second.
        """
        with writing(self._engine) as connection:
            connection.execute(select(consumer_lease.c.id).with_for_update())  # what is kept is numbered as it commits
            fresh = self._count(connection, postings, now_s)
            for letter in letters:
                key = [dead_letter.c[name] == getattr(letter, name) for name in ("bucket", "epoch", "ms", "seq")]
                connection.execute(delete(dead_letter).where(*key))
        return fresh

    def letters(self) -> list[DeadLetter]:
        """Oldest first."""
        with reading(self._engine) as connection:
            found = connection.execute(select(dead_letter).order_by(dead_letter.c.ms, dead_letter.c.seq)).mappings()
            return [DeadLetter(**{**row, "epoch": bytes(row["epoch"]), "event": bytes(row["event"])}) for row in found]

    def _count(self, connection: Connection, postings: Sequence[Posting], now_s: int) -> int:
        fresh = _judged(connection, postings)
        late = seals.adjustments_for(connection, {cell.quarter_s for p in fresh for cell, _ in p.adds}, now_s)
        _upsert(connection, rollup, summed(fresh, late), add=("n", "micros"))
        _upsert(connection, flight_day, of_days(fresh, self._zone), add=tuple(DAILY.values()))
        _upsert(connection, flight_leased, leased(fresh), add=("impressions",))
        _upsert(connection, reached, reached_by(fresh), add=("impressions",))
        if self._keeps_events and fresh:
            rows = [{"hour_s": hour_s, "lines": lines} for hour_s, lines in kept.packed(fresh).items()]
            connection.execute(insert(event_lines), rows)
        return len(fresh)

    def note_rules(self, rules: Rules, now_s: int) -> None:
        """Keeps what the rules of invalid traffic are now, if they never were before."""
        with writing(self._engine) as connection:
            row = {"version": rules.version, "since_s": now_s, "rules": rules.told()}
            _upsert(connection, traffic_rules, [row])

    def seal(self, fence: int, now_s: int) -> int:
        """Seals the hours that may be; how many. Raises `LeaseLost`."""
        with writing(self._engine) as connection:
            _hold(connection, fence, now_s)
            drained_at_s = connection.scalar(select(consumer_lease.c.drained_at_s)) or 0
            return seals.seal(connection, now_s, drained_at_s)

    def prune(self, fence: int, now_s: int) -> int:
        """Forgets ids older than `SEEN_S`, whole quarters, a part at a time; how many. Raises `LeaseLost`.

        And of the other tables what the settings say.
        """
        old = seen.c.quarter_s < now_s - SEEN_S - QUARTER_S
        with writing(self._engine) as connection:
            _hold(connection, fence, now_s)
            connection.execute(
                delete(flight_leased).where(flight_leased.c.window < (now_s - LEASED_S) // LEASE_WINDOW_S)
            )
            forget(connection, self._keeping, now_s, self._zone)
            some = select(seen.c.id).where(old).limit(PRUNED_MAX)
            return connection.execute(delete(seen).where(seen.c.id.in_(some))).rowcount


def offsets_of(connection: Connection) -> dict[int, Offset]:
    """How far each bucket is in the rollups, in the view of `connection`."""
    return {
        row.bucket: Offset(epoch=bytes(row.epoch), last=StreamId(row.last_ms, row.last_seq), entries=row.entries)
        for row in connection.execute(select(stream_offset))
    }


def _hold(connection: Connection, fence: int, now_s: int, **also: int) -> None:
    mine = update(consumer_lease).where(consumer_lease.c.fence == fence)
    if connection.execute(mine.values(expires_at_s=now_s + LEASE_S, **also)).rowcount != 1:
        raise LeaseLost


def _judged(connection: Connection, postings: Sequence[Posting]) -> list[Posting]:
    """Those that no one has posted before: the unique key of `seen` says so, and nothing else."""
    first: dict[bytes, Posting] = {}
    for posting in postings:
        first.setdefault(posting.id, posting)
    if not first:
        return []
    rows = [
        {"id": p.id, "quarter_s": p.quarter_s, "metric": p.metric, "flight": p.flight, "reason": p.reason,
         "n": p.sum.n, "micros": p.sum.micros}
        for p in first.values()
    ]  # fmt: skip
    return [first[id_] for id_ in _new(connection, rows)]


def _new(connection: Connection, rows: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """The ids of those of `rows` that `seen` had not; they are in it now.

    PostgreSQL gets a column as one array: of a thousand rows of values psycopg must find seven thousand placeholders,
    which takes three times as long as all the rest.
    """
    statement = _insert(connection, seen)
    if connection.dialect.name != "postgresql":
        found = connection.execute(statement.on_conflict_do_nothing().returning(seen.c.id), rows)
    else:
        columns = [seen.c[name] for name in rows[0]]
        arrays = [literal([row[each.name] for row in rows], postgresql.ARRAY(each.type)) for each in columns]
        table = func.unnest(*arrays).table_valued(*(column(each.name, each.type) for each in columns)).render_derived()
        statement = statement.from_select([each.name for each in columns], select(*table.c))
        found = connection.execute(statement.on_conflict_do_nothing().returning(seen.c.id))
    return (bytes(row.id) for row in found)


def _upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    add: Sequence[str] = (),
    put: Sequence[str] = (),
) -> None:
    """Inserts `rows`; where the key exists, columns `add` grow by the new row's and `put` become them."""
    if not rows:
        return
    statement = _insert(connection, table)
    changed = {name: table.c[name] + statement.excluded[name] for name in add}
    changed |= {name: statement.excluded[name] for name in put}
    if changed:
        statement = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement, rows)


def _advance(connection: Connection, passages: Mapping[int, Passage], fence: int) -> None:
    """Moves offsets forwards; inside one epoch never backwards, whatever was read again."""
    before = offsets_of(connection)
    rows = []
    for bucket, passage in sorted(passages.items()):
        old = before.get(bucket)
        if old is None or old.epoch != passage.epoch:
            old = Offset(epoch=passage.epoch, last=StreamId(0, 0))
        new = [entry for entry in passage.entries if entry > old.last]
        if new:
            rows.append(
                {"bucket": bucket, "epoch": passage.epoch, "last_ms": new[-1].ms, "last_seq": new[-1].seq,
                 "entries": old.entries + len(new), "fence": fence}
            )  # fmt: skip
    _upsert(connection, stream_offset, rows, put=("epoch", "last_ms", "last_seq", "entries", "fence"))


def _insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, which both dialects spell alike but SQLAlchemy keeps apart."""
    return {"sqlite": sqlite.insert, "postgresql": postgresql.insert}.get(connection.dialect.name, insert)(table)
