"""Streams to fill, consumers to run and sums to look at."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
from sqlalchemy import Engine, func, select

from adengine.counting.consume import Consumer
from adengine.counting.events import BEACON, FIRST, MEASURABLE
from adengine.counting.kept import METRICS
from adengine.counting.ledger import Ledger
from adengine.counting.metrics import NONE, Kind, Metric
from adengine.counting.postings import ADDED
from adengine.counting.tables import dead_letter, rollup, seen
from adengine.counting.tokens import TokenMinter, TokenReader
from adengine.store import keys
from adengine.store.client import Store
from adengine.store.sql import reading, writing
from tests.counting.builders import NOW_S, a_fill, a_ring, a_served, event_of

EPOCH = b"the epoch"
MINTER, READER = TokenMinter(a_ring()), TokenReader(a_ring())
KEEP_S = 3600
CELL = [column.name for column in rollup.primary_key if column.name != "adjustment"]


def body_of(kind: Kind, **served: Any) -> bytes:
    return READER.read(MINTER.mint(a_served(**served))[kind], kind).body


def beacon_event(
    body: bytes, *, at_s: int, variant: int = NONE, reason: str = "", first: bool = True, measurable: bool = False
) -> bytes:
    """What record.lua writes."""
    tail = struct.pack(">IBB", at_s, variant, FIRST * first | MEASURABLE * measurable)
    return bytes([BEACON]) + body + tail + reason.encode("ascii")


def an_impression(
    request: int = 1,
    *,
    kind: Kind = Kind.IMPRESSION,
    at_s: int = NOW_S,
    served: Mapping[str, Any] = MappingProxyType({}),
    **fields: Any,
) -> bytes:
    """The event of a beacon as record.lua writes it; served: of `a_served`.  fields: of `beacon_event`."""
    return beacon_event(body_of(kind, request=request, **served), at_s=at_s, **fields)


def a_fills_event(request: int = 1) -> bytes:
    return event_of(a_fill(request))


def append(store: Store, *events: bytes, bucket: int = 0, epoch: bytes = EPOCH, ids: tuple[str, ...] = ()) -> None:
    """Puts events into a bucket's stream as the scripts do; ids: given by hand instead of by the store's clock."""
    store.across([("SET", keys.epoch(bucket), epoch, "NX")])
    spelled = ids or ("*",) * len(events)
    store.across([("XADD", keys.stream(bucket), id_, "e", event) for id_, event in zip(spelled, events, strict=True)])


def a_consumer(
    store: Store,
    engine: Engine,
    *,
    holder: str = "tests",
    keep_s: int = KEEP_S,
    keeps_events: bool = False,
    **given: Any,
) -> Consumer:
    return Consumer(store, Ledger(engine, keeps_events=keeps_events), holder=holder, keep_s=keep_s, **given)


def drain(consumer: Consumer) -> None:
    while consumer.step():
        pass


def counted(engine: Engine, metric: Metric = Metric.IMPRESSION) -> int:
    """The sum of a metric over all cells."""
    with reading(engine) as connection:
        return int(connection.scalar(select(func.sum(rollup.c.n)).where(rollup.c.metric == metric)) or 0)


def reasons(engine: Engine, metric: Metric) -> dict[str, int]:
    query = select(rollup.c.reason, func.sum(rollup.c.n)).where(rollup.c.metric == metric).group_by(rollup.c.reason)
    with reading(engine) as connection:
        return {reason: int(n) for reason, n in connection.execute(query)}


def rows(engine: Engine, table: Any = seen) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def letters(engine: Engine) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(select(dead_letter)))


def damage(engine: Engine, *statements: Any) -> None:
    """Changes the books behind the consumer's back."""
    with writing(engine) as connection:
        for statement in statements:
            connection.execute(statement)


def of_files(folder: Path) -> Counter[tuple[Any, ...]]:
    """n and micros of each cell in the files, as anybody would add them up."""
    cell = ", ".join(f"coalesce({name}, 0)" if name in ADDED else name for name in CELL)
    query = f"SELECT {cell}, n, micros FROM read_parquet('{folder}/*/*.parquet', union_by_name = true)"
    found: Counter[tuple[Any, ...]] = Counter()
    for *cell, n, micros in duckdb.sql(query).fetchall():
        found[(*cell, "n")] += n
        found[(*cell, "micros")] += micros
    return +found


def of_rollups(engine: Engine) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    with reading(engine) as connection:
        for row in connection.execute(select(rollup)).mappings():
            cell = tuple(METRICS[Metric(row[name])] if name == "metric" else row[name] for name in CELL)
            found[(*cell, "n")] += row["n"]
            found[(*cell, "micros")] += row["micros"]
    return +found
