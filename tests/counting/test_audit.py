"""The audit is clean on a healthy system and finds every fault that is planted."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, func, insert, select, update

from adengine.counting import audit
from adengine.counting.audit import DAY_S, HOUR_S
from adengine.counting.ledger import SEEN_S
from adengine.counting.metrics import QUARTER_S, Kind, Metric
from adengine.counting.tables import consumer_lease, dead_letter, flight_day, reached, rollup, seen, stream_offset
from adengine.store import keys
from adengine.store.client import Store
from adengine.store.sql import reading
from tests import stores
from tests.counting.books import a_consumer, a_fills_event, an_impression, append, damage, drain
from tests.counting.builders import NOW_S

NOW_MS = NOW_S * 1000


def findings(engine: Engine, store: Store, now_s: int = NOW_S) -> dict[str, audit.Finding]:
    return {finding.name: finding for finding in audit.run(engine, store, clock=lambda: now_s)}


def violated(engine: Engine, store: Store, now_s: int = NOW_S) -> set[str]:
    return {name for name, finding in findings(engine, store, now_s).items() if not finding.holds}


def healthy(store: Store, engine: Engine) -> None:
    """Fills, impressions, clicks, invalid ones and a dead letter, in three buckets, counted."""
    for bucket in range(3):
        events = (
            a_fills_event(bucket), an_impression(bucket, measurable=True), an_impression(bucket, kind=Kind.CLICK),
            an_impression(bucket, first=False, reason="duplicate"), b"junk",
        )  # fmt: skip
        append(store, *events, bucket=bucket, ids=tuple(f"{NOW_MS - 10}-{n}" for n in range(len(events))))
    drain(a_consumer(store, engine))


def test_a_healthy_system_is_clean_and_says_its_figures(store: Store, engine: Engine) -> None:
    healthy(store, engine)
    found = findings(engine, store)
    assert violated(engine, store) == set()
    assert found["gross"].figures == {"gross": 6, "impressions": 3, "duplicate": 3, "difference": 0}
    assert found["sums"].figures["events"] == 12
    assert found["slots"].figures == {"pages": 3, "slots_off": 0}
    assert found["kept"].figures["dead_letters"] == 3
    assert found["waiting"].figures["in_flight"] == 0
    with reading(engine) as connection:
        cells = connection.scalar(select(func.count()).select_from(rollup))
    assert found["positive"].figures == {"cells": cells, "not_positive": 0}


def test_an_empty_system_is_clean(valkey: Store, sqlite_engine: Engine) -> None:
    assert violated(sqlite_engine, valkey) == set()


def test_what_is_in_flight_is_a_figure_and_only_late_is_a_fault(valkey: Store, sqlite_engine: Engine) -> None:
    healthy(valkey, sqlite_engine)
    append(valkey, an_impression(9), ids=(f"{NOW_MS}-0",))
    assert findings(sqlite_engine, valkey, NOW_S + 5)["waiting"].figures == {"in_flight": 1, "oldest_s": 5, "late_s": 0}
    assert violated(sqlite_engine, valkey, NOW_S + 5) == set()
    assert violated(sqlite_engine, valkey, NOW_S + 6) == {"waiting"}


IMPRESSIONS = rollup.c.metric == Metric.IMPRESSION
PLANTED = {
    "a sum too high": (update(rollup).where(IMPRESSIONS).values(n=rollup.c.n + 1), {"sums", "gross", "flights"}),
    "a sum too low": (update(rollup).where(IMPRESSIONS).values(n=rollup.c.n - 1), {"sums", "gross", "flights"}),
    "a price too high": (update(rollup).where(IMPRESSIONS).values(micros=rollup.c.micros + 1), {"sums"}),
    "a lost sum": (rollup.delete().where(rollup.c.metric == Metric.INVALID_IMPRESSION), {"sums", "gross"}),
    "a sum of nothing": (
        rollup.insert().from_select(
            [column.name for column in rollup.c],
            rollup.select().with_only_columns(
                *(column + 10**6 if column.name == "site" else column for column in rollup.primary_key),
                rollup.c.n * 0, rollup.c.micros * 0,
            ),
        ),
        {"positive"},
    ),
    "a forgotten event": (
        seen.delete().where(seen.c.metric == Metric.IMPRESSION),
        {"sums", "gross", "kept", "impressions"},
    ),
    "a slot too many": (
        update(rollup).where(rollup.c.metric == Metric.FILL).values(n=rollup.c.n + 1),
        {"slots", "flights"},
    ),
    "a click without impression": (
        update(seen).where(seen.c.metric == Metric.IMPRESSION).values(metric=Metric.INVALID_IMPRESSION, reason="late"),
        {"sums", "impressions"},
    ),
    "a flight's day too high": (update(flight_day).values(impressions=flight_day.c.impressions + 1), {"flights"}),
    "a reader too many": (
        insert(reached).values(flight=3, reader=b"somebody", impressions=4),
        {"reach"},
    ),
    "a lost dead letter": (dead_letter.delete(), {"kept"}),
    "an offset ahead of its stream": (update(stream_offset).values(last_ms=stream_offset.c.last_ms + 1), {"offsets"}),
    "an offset without the lease": (update(consumer_lease).values(fence=0), {"offsets"}),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_every_planted_fault_in_the_database_is_found(valkey: Store, engine: Engine, planted: str) -> None:
    statement, names = PLANTED[planted]
    healthy(valkey, engine)
    damage(engine, statement)
    assert violated(engine, valkey) == names


def _cut_too_early(store: Store, engine: Engine) -> None:
    append(store, an_impression(77), bucket=1, ids=(f"{NOW_MS}-0",))
    store.across([("XTRIM", keys.stream(1), "MAXLEN", 0)])


def _one_of_two_deleted(store: Store, engine: Engine) -> None:
    append(store, an_impression(77), an_impression(78), bucket=1, ids=(f"{NOW_MS}-0", f"{NOW_MS}-1"))
    store.across([("XDEL", keys.stream(1), f"{NOW_MS}-0")])


def _offset_too_far(store: Store, engine: Engine) -> None:
    append(store, an_impression(77), ids=(f"{NOW_MS}-0",))
    damage(engine, update(stream_offset).where(stream_offset.c.bucket == 0).values(last_ms=NOW_MS, last_seq=0))


@pytest.mark.parametrize(("plant", "names"), [
    (_cut_too_early, {"cut"}), (_one_of_two_deleted, {"cut", "waiting"}), (_offset_too_far, {"kept", "cut"}),
])  # fmt: skip
def test_every_planted_fault_between_stream_and_offset_is_found(
    store: Store, sqlite_engine: Engine, plant: Callable[[Store, Engine], None], names: set[str]
) -> None:
    healthy(store, sqlite_engine)
    plant(store, sqlite_engine)
    assert violated(sqlite_engine, store, NOW_S + 6) == names


def test_the_audit_looks_no_further_back_than_events_are_remembered(valkey: Store, sqlite_engine: Engine) -> None:
    healthy(valkey, sqlite_engine)
    damage(sqlite_engine, seen.delete())
    assert violated(sqlite_engine, valkey, NOW_S + 3 * DAY_S + HOUR_S) == set()


def test_the_audit_looks_at_both_sides_of_the_oldest_quarter_alike(valkey: Store, sqlite_engine: Engine) -> None:
    append(valkey, an_impression(1, at_s=NOW_S - NOW_S % QUARTER_S))
    drain(a_consumer(valkey, sqlite_engine))
    oldest_s = NOW_S - NOW_S % QUARTER_S + SEEN_S - HOUR_S
    for now_s, kept in ((oldest_s - QUARTER_S, 1), (oldest_s, 1), (oldest_s + QUARTER_S, 0)):
        assert "sums" not in violated(sqlite_engine, valkey, now_s)
        assert findings(sqlite_engine, valkey, now_s)["kept"].figures["kept"] == kept


@pytest.mark.parametrize(("quarters", "is_asked"), [(0, True), (1, False)])
def test_impressions_are_asked_for_only_where_they_are_surely_remembered(
    valkey: Store, sqlite_engine: Engine, quarters: int, is_asked: bool
) -> None:
    """A click is asked about as long as an impression of a day and an hour before it would not be forgotten yet."""
    healthy(valkey, sqlite_engine)
    damage(sqlite_engine, seen.delete().where(seen.c.metric == Metric.IMPRESSION))
    now_s = NOW_S - NOW_S % QUARTER_S + SEEN_S - DAY_S - 2 * HOUR_S + quarters * QUARTER_S
    assert ("impressions" in violated(sqlite_engine, valkey, now_s)) == is_asked


def test_a_store_that_came_back_empty_is_no_fault(store: Store, sqlite_engine: Engine) -> None:
    """What is in the sums is of streams that are gone; a stream that was never read waits."""
    healthy(store, sqlite_engine)
    stores.empty(store)
    append(store, an_impression(88), bucket=0, epoch=b"another epoch", ids=(f"{NOW_MS}-0",))
    append(store, an_impression(89), bucket=99, ids=(f"{NOW_MS}-0",))
    findings = {finding.name: finding for finding in audit.run(sqlite_engine, store, clock=lambda: NOW_S + 1)}
    assert [name for name, finding in findings.items() if not finding.holds] == []
    assert findings["cut"].figures == {"entries": 2, "cut_before_counted": 0}
    assert findings["kept"].figures["kept"] == 0 and findings["waiting"].figures["in_flight"] == 2
