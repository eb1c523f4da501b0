"""Sealed hours change no more; whatever comes later stands beside them; the chain finds every change."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from adengine.counting import seals
from adengine.counting.ledger import Ledger
from adengine.counting.metrics import Metric
from adengine.counting.seals import AFTER_S, HOUR_S
from adengine.counting.tables import adjustment, hour_seal, rollup
from adengine.store.client import Store
from adengine.store.sql import reading
from tests.counting.books import a_consumer, an_impression, append, counted, damage, drain
from tests.counting.builders import NOW_S
from tests.counting.test_audit import findings, violated

HOUR = NOW_S - NOW_S % HOUR_S
DUE_S = HOUR + AFTER_S


def sealed(engine: Engine, now_s: int, drained_at_s: int | None = None) -> int:
    """How many hours a sealing at `now_s` seals."""
    ledger = Ledger(engine)
    fence = ledger.claim("tests", now_s)
    assert fence is not None
    ledger.renew(fence, now_s, now_s if drained_at_s is None else drained_at_s)
    return ledger.seal(fence, now_s)


def hour_rows(engine: Engine) -> list[Any]:
    with reading(engine) as connection:
        return list(connection.execute(select(rollup).where(rollup.c.quarter_s >= HOUR).order_by(*rollup.primary_key)))


def count_in(store: Store, engine: Engine, *requests: int, at_s: int = NOW_S) -> None:
    append(store, *(an_impression(request, at_s=at_s) for request in requests))
    drain(a_consumer(store, engine))


@pytest.mark.parametrize(
    ("now_s", "drained_at_s", "hours"),
    [(DUE_S - 1, DUE_S - 1, 0), (DUE_S, DUE_S, 1), (DUE_S + HOUR_S, DUE_S - 1, 0), (DUE_S + 3 * HOUR_S, 10**10, 4)],
)
def test_an_hour_is_sealed_when_nothing_of_it_can_come_any_more(
    valkey: Store, engine: Engine, now_s: int, drained_at_s: int, hours: int
) -> None:
    count_in(valkey, engine, 1)
    assert sealed(engine, now_s, drained_at_s) == hours
    assert sealed(engine, now_s, drained_at_s) == 0
    with reading(engine) as connection:
        assert seals.sealed_until_s(connection) == (HOUR + hours * HOUR_S if hours else None)


def test_the_first_hour_is_sealed_from_its_beginning(valkey: Store, sqlite_engine: Engine) -> None:
    """Whenever in it the first thing was counted."""
    count_in(valkey, sqlite_engine, 1, at_s=HOUR + HOUR_S // 2)
    assert sealed(sqlite_engine, DUE_S) == 1
    with reading(sqlite_engine) as connection:
        assert seals.sealed_until_s(connection) == HOUR + HOUR_S


def test_what_was_never_counted_is_not_sealed(sqlite_engine: Engine) -> None:
    assert sealed(sqlite_engine, NOW_S) == 0


def test_many_hours_are_sealed_in_parts(valkey: Store, sqlite_engine: Engine) -> None:
    count_in(valkey, sqlite_engine, 1)
    late_s = DUE_S + 99 * HOUR_S
    assert [sealed(sqlite_engine, late_s) for _ in range(4)] == [48, 48, 4, 0]


def test_events_behind_the_seal_count_beside_it(valkey: Store, engine: Engine) -> None:
    count_in(valkey, engine, 1, 2)
    sealed(engine, DUE_S)
    before = hour_rows(engine)
    count_in(valkey, engine, 3, 4, 1)
    after = hour_rows(engine)
    assert [row for row in after if row.adjustment == 0] == before
    assert [(row.metric, row.n) for row in after if row.adjustment] == [(Metric.IMPRESSION, 2)]
    assert counted(engine) == 4
    with reading(engine) as connection:
        assert [(row.kind, row.by) for row in connection.execute(select(adjustment))] == [("late", "")]
    assert violated(engine, valkey) == set()


TAMPERED = {
    "a sum": update(rollup).values(n=99),
    "money": update(rollup).values(micros=1),
    "a row that is gone": delete(rollup),
    "a row that is new": insert(rollup).values(
        quarter_s=HOUR, adjustment=0, metric=3, site=9, slot=0, flight=0, creative=0, version=0, variant=0, tier=0,
        place=0, topic=0, reason="", n=1, micros=0,
    ),
    "a seal": update(hour_seal).where(hour_seal.c.hour_s == HOUR).values(digest=b"another"),
    "a seal that is gone": delete(hour_seal).where(hour_seal.c.hour_s == HOUR + HOUR_S),
}  # fmt: skip


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_the_audit_finds_every_change_of_a_sealed_hour(valkey: Store, sqlite_engine: Engine, change: Any) -> None:
    count_in(valkey, sqlite_engine, 1)
    sealed(sqlite_engine, DUE_S + 2 * HOUR_S)
    assert findings(sqlite_engine, valkey)["seals"].figures == {"sealed_hours": 3, "broken": 0}
    damage(sqlite_engine, change)
    assert "seals" in violated(sqlite_engine, valkey)


def test_a_seal_is_of_its_hour_though_nothing_was_counted_in_it(sqlite_engine: Engine) -> None:
    with reading(sqlite_engine) as connection:
        one, another = (seals.digest_of(connection, hour_s, b"before") for hour_s in (HOUR, HOUR + HOUR_S))
    assert one[0] == another[0] == 0 and one[1] != another[1]


def test_a_consumer_seals_by_itself(valkey: Store, sqlite_engine: Engine) -> None:
    count_in(valkey, sqlite_engine, 1)
    times = iter([DUE_S, *[DUE_S + n for n in range(40, 60)]])
    consumer = a_consumer(valkey, sqlite_engine, clock=lambda: next(times), trim_s=1)
    consumer.step()
    consumer.step()
    assert findings(sqlite_engine, valkey)["seals"].figures["sealed_hours"] == 1
