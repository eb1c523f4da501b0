"""Each event reaches the sums exactly once, however often the consumer or a store falls over."""

import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from adengine.counting import streams
from adengine.counting.consume import holder_of
from adengine.counting.ledger import LEASE_S, LEASED_S, SEEN_S, Batch, LeaseLost, Ledger, Offset, Passage
from adengine.counting.metrics import QUARTER_S, Kind, Metric
from adengine.counting.postings import StreamId
from adengine.counting.streams import ENTRIES_PER_BUCKET
from adengine.counting.tables import dead_letter, flight_leased, rollup, seen, stream_offset, traffic_rules
from adengine.counting.tokens import LEASE_WINDOW_S
from adengine.counting.traffic.rules import Rules
from adengine.settings import load
from adengine.store import keys
from adengine.store.client import Store
from adengine.store.sql import reading
from tests import stores
from tests.counting.books import (
    EPOCH,
    a_consumer,
    a_fills_event,
    an_impression,
    append,
    beacon_event,
    body_of,
    counted,
    damage,
    drain,
    letters,
    reasons,
    rows,
)  # fmt: skip
from tests.counting.builders import NOW_S


def test_events_of_all_buckets_reach_the_sums_once(store: Store, engine: Engine) -> None:
    for bucket in range(keys.BUCKETS):
        append(store, an_impression(bucket), a_fills_event(bucket), bucket=bucket)
    drain(a_consumer(store, engine))
    assert counted(engine) == counted(engine, Metric.FILL) == keys.BUCKETS
    assert rows(engine) == 2 * keys.BUCKETS


def test_a_busy_bucket_is_read_to_its_end(valkey: Store, sqlite_engine: Engine) -> None:
    many = 2 * ENTRIES_PER_BUCKET + 7
    append(valkey, *(an_impression(number) for number in range(many)))
    drain(a_consumer(valkey, sqlite_engine))
    assert counted(sqlite_engine) == many


def test_a_second_reading_of_everything_adds_nothing(valkey: Store, engine: Engine) -> None:
    append(
        valkey,
        *(an_impression(number % 7, first=number < 7, reason="duplicate" * (number >= 7)) for number in range(20)),
    )
    drain(a_consumer(valkey, engine))
    damage(engine, stream_offset.delete())
    drain(a_consumer(valkey, engine))
    assert counted(engine) == 7
    assert reasons(engine, Metric.INVALID_IMPRESSION) == {"duplicate": 13}


def test_the_database_judges_when_the_store_forgot(valkey: Store, engine: Engine) -> None:
    append(valkey, an_impression(1), an_impression(1), an_impression(1, reason="late"))
    drain(a_consumer(valkey, engine))
    assert (counted(engine), reasons(engine, Metric.INVALID_IMPRESSION)) == (1, {})


def test_a_store_that_came_back_empty_is_read_from_its_beginning(store: Store, engine: Engine) -> None:
    append(store, an_impression(1), ids=("9000000000000-0",))
    consumer = a_consumer(store, engine)
    drain(consumer)
    stores.empty(store)
    append(store, *(an_impression(number) for number in range(2, 12)), epoch=b"another epoch")
    drain(consumer)
    assert counted(engine) == 11


def test_a_new_consumer_sees_the_new_epoch_too(store: Store, sqlite_engine: Engine) -> None:
    append(store, an_impression(1), ids=("9000000000000-0",))
    drain(a_consumer(store, sqlite_engine))
    stores.empty(store)
    append(store, an_impression(2), epoch=b"another epoch")
    drain(a_consumer(store, sqlite_engine))
    assert counted(sqlite_engine) == 2


def test_a_stream_whose_epoch_was_deleted_is_read_again_and_counted_once(store: Store, sqlite_engine: Engine) -> None:
    append(store, an_impression(1), an_impression(2))
    consumer = a_consumer(store, sqlite_engine)
    drain(consumer)
    store.across([("DEL", keys.epoch(0)), ("XADD", keys.stream(0), "*", "e", an_impression(3))])
    drain(consumer)
    assert counted(sqlite_engine) == 3


def test_the_offset_is_in_the_sums_transaction(valkey: Store, engine: Engine) -> None:
    append(valkey, an_impression(1))
    ledger = Ledger(engine)
    fence = ledger.claim("tests", NOW_S)
    assert fence is not None
    (batch,) = streams.batches([portion for portion in streams.read(valkey, {}) if portion.entries])
    nowhere = Passage(epoch=None, entries=[StreamId(1, 0)])  # type: ignore[arg-type]  # its column takes no null
    with pytest.raises(IntegrityError):
        ledger.post(replace(batch, passages={0: nowhere}), fence, NOW_S)
    assert (counted(engine), rows(engine), ledger.offsets()) == (0, 0, {})
    ledger.post(batch, fence, NOW_S)
    assert (counted(engine), rows(engine), list(ledger.offsets())) == (1, 1, [0])


def test_an_unreadable_event_is_kept_aside_and_the_next_one_counts(valkey: Store, engine: Engine) -> None:
    append(valkey, b"\xffjunk", an_impression(1), b"")
    consumer = a_consumer(valkey, engine)
    drain(consumer)
    assert counted(engine) == 1
    assert [(letter.bucket, letter.epoch, letter.event) for letter in letters(engine)] == [
        (0, EPOCH, b"\xffjunk"), (0, EPOCH, b""),
    ]  # fmt: skip
    damage(engine, stream_offset.delete())
    drain(a_consumer(valkey, engine))
    assert rows(engine, dead_letter) == 2


def test_what_a_failover_put_behind_the_offset_is_found(valkey: Store, sqlite_engine: Engine) -> None:
    base_ms = NOW_S * 1000
    append(valkey, an_impression(1), ids=(f"{base_ms}-0",))
    drain(a_consumer(valkey, sqlite_engine))
    stores.empty(valkey)  # the promoted replica had not got that entry, and its clock is behind
    append(valkey, an_impression(2), ids=(f"{base_ms - 5_000}-0",))
    drain(a_consumer(valkey, sqlite_engine))
    assert counted(sqlite_engine) == 2


def test_offsets_never_go_back_inside_one_epoch(valkey: Store, sqlite_engine: Engine) -> None:
    base_ms = NOW_S * 1000
    append(valkey, an_impression(1), an_impression(2), ids=(f"{base_ms - 10}-0", f"{base_ms}-0"))
    drain(a_consumer(valkey, sqlite_engine))
    before = Ledger(sqlite_engine).offsets()
    valkey.across([("XDEL", keys.stream(0), f"{base_ms}-0")])
    drain(a_consumer(valkey, sqlite_engine))
    assert Ledger(sqlite_engine).offsets() == before


def test_only_one_of_two_consumers_counts(valkey: Store, engine: Engine) -> None:
    append(valkey, an_impression(1))
    first, second = a_consumer(valkey, engine, holder="one"), a_consumer(valkey, engine, holder="two")
    drain(first)
    append(valkey, an_impression(2))
    assert second.step() is False
    assert counted(engine) == 1
    drain(first)
    assert counted(engine) == 2


def test_a_consumer_that_was_replaced_cannot_commit(valkey: Store, engine: Engine) -> None:
    old = a_consumer(valkey, engine, holder="one")
    drain(old)
    new = a_consumer(valkey, engine, holder="two", clock=lambda: time.time() + 2 * LEASE_S)
    append(valkey, an_impression(1))
    drain(new)
    append(valkey, an_impression(2))
    with pytest.raises(LeaseLost):
        old.step()
    assert counted(engine) == 1
    drain(new)
    assert counted(engine) == 2


def test_a_consumer_replaces_its_dead_predecessor_at_once(valkey: Store, engine: Engine) -> None:
    append(valkey, an_impression(1))
    drain(a_consumer(valkey, engine, holder="one"))
    append(valkey, an_impression(2))
    drain(a_consumer(valkey, engine, holder="one"))
    assert counted(engine) == 2


def test_trimming_keeps_what_is_young_and_what_is_not_counted(store: Store) -> None:
    base_ms = NOW_S * 1000
    append(store, *map(an_impression, range(4)), ids=tuple(f"{base_ms + n * 1000}-0" for n in range(4)))
    counted_to = {0: Offset(epoch=EPOCH, last=StreamId(base_ms + 2000, 0))}
    assert streams.trim(store, counted_to, horizon_ms=base_ms + 1000) == 1
    assert streams.trim(store, counted_to, horizon_ms=base_ms + 10_000) == 1
    assert [entry.ms - base_ms for entry, _ in streams.entries(store, 0)] == [2000, 3000]


def test_another_stream_is_not_trimmed_by_an_old_offset(store: Store) -> None:
    append(store, an_impression(1), epoch=b"a new epoch")
    assert streams.trim(store, {0: Offset(epoch=EPOCH, last=StreamId(2**50, 0))}, horizon_ms=2**50) == 0
    assert len(list(streams.entries(store, 0))) == 1


def test_the_consumer_trims_and_forgets_by_itself(valkey: Store, sqlite_engine: Engine) -> None:
    now = [float(NOW_S)]
    append(valkey, an_impression(1), ids=(f"{NOW_S * 1000}-0",))
    consumer = a_consumer(valkey, sqlite_engine, keep_s=60, clock=lambda: now[0])
    drain(consumer)
    now[0] += SEEN_S + 2 * QUARTER_S
    append(valkey, an_impression(2, at_s=int(now[0])), ids=(f"{int(now[0]) * 1000}-0",))
    drain(consumer)
    assert (rows(sqlite_engine), counted(sqlite_engine)) == (1, 2)
    assert len(list(streams.entries(valkey, 0))) == 1


def test_the_consumer_keeps_what_is_younger_than_it_was_told_to_the_second(
    valkey: Store, sqlite_engine: Engine
) -> None:
    """Counted or not: a database that is restored from a copy of a minute ago finds it there."""
    now = [float(NOW_S)]
    append(valkey, an_impression(1), an_impression(2), ids=(f"{NOW_S * 1000}-0", f"{NOW_S * 1000 + 1000}-0"))
    consumer = a_consumer(valkey, sqlite_engine, keep_s=3600, trim_s=1, clock=lambda: now[0])
    left = []
    for after_s in (3599, 3601, 3602):
        now[0] = NOW_S + after_s
        drain(consumer)
        left.append(len(list(streams.entries(valkey, 0))))
    assert left == [2, 1, 1], "the last counted one stays"


def test_the_very_first_entry_that_a_stream_can_have_is_one(valkey: Store, sqlite_engine: Engine) -> None:
    append(valkey, an_impression(1), an_impression(2), ids=("0-1", "1-0"))
    drain(a_consumer(valkey, sqlite_engine))
    assert counted(sqlite_engine) == 2 and Ledger(sqlite_engine).offsets()[0].entries == 2


def test_what_is_in_the_sums_is_known_up_to_a_moment(valkey: Store, sqlite_engine: Engine) -> None:
    now = [float(NOW_S)]
    consumer = a_consumer(valkey, sqlite_engine, clock=lambda: now[0])
    drain(consumer)
    now[0] += 100
    append(valkey, an_impression(1))
    drain(consumer)
    assert Ledger(sqlite_engine).drained_at_s() == NOW_S + 100


def test_impressions_are_summed_by_the_lease_that_they_spent(valkey: Store, engine: Engine) -> None:
    window = NOW_S // LEASE_WINDOW_S
    spent = (window, window, window - 2, None)
    bodies = [body_of(Kind.IMPRESSION, request=number, leased=one) for number, one in enumerate(spent)]
    late, click = body_of(Kind.IMPRESSION, request=9, leased=window), body_of(Kind.CLICK, request=1, leased=window)
    append(valkey, *(beacon_event(body, at_s=NOW_S) for body in (*bodies, click)))
    append(valkey, beacon_event(late, at_s=NOW_S, reason="late"))
    now = [float(NOW_S)]
    consumer = a_consumer(valkey, engine, clock=lambda: now[0])
    drain(consumer)
    assert leased(engine) == {(3, window): 2, (3, window - 2): 1}
    damage(engine, stream_offset.delete())
    consumer = a_consumer(valkey, engine, clock=lambda: now[0])
    drain(consumer)
    assert leased(engine) == {(3, window): 2, (3, window - 2): 1}, "a second reading"
    now[0] += LEASED_S + 60
    append(valkey, an_impression(99, at_s=int(now[0])))
    drain(consumer)
    assert leased(engine) == {}, "remembered for ever"


def leased(engine: Engine) -> dict[tuple[int, int], int]:
    with reading(engine) as connection:
        return {(row.flight, row.window): row.impressions for row in connection.execute(select(flight_leased))}


def test_cells_keep_their_dimensions_apart(valkey: Store, sqlite_engine: Engine) -> None:
    append(
        valkey,
        an_impression(1),
        an_impression(2, variant=1),
        an_impression(3, at_s=NOW_S + QUARTER_S),
        an_impression(4),
    )
    drain(a_consumer(valkey, sqlite_engine))
    with reading(sqlite_engine) as connection:
        cells = connection.execute(
            select(rollup.c.quarter_s, rollup.c.variant, rollup.c.n).order_by(*rollup.primary_key)
        )
        assert [(row.quarter_s - NOW_S, row.variant, row.n) for row in cells] == [(0, 1, 1), (0, 255, 2), (900, 255, 1)]
    assert rows(sqlite_engine, seen) == 4


def test_a_consumer_that_was_replaced_waits_and_counts_again_when_it_may(valkey: Store, engine: Engine) -> None:
    stopping, turns = threading.Event(), iter(range(10**6))
    old = a_consumer(valkey, engine, holder="one")
    drain(old)
    new = a_consumer(valkey, engine, holder="two", clock=lambda: time.time() + 2 * LEASE_S)
    drain(new)
    append(valkey, an_impression(1))
    step = old.step

    def turn() -> bool:
        if next(turns) == 1:
            assert new._fence is not None
            Ledger(engine).release(new._fence)
        if counted(engine):
            stopping.set()
        return step()

    old.step = turn  # type: ignore[method-assign]
    old.run(stopping)
    assert counted(engine) == 1 and Ledger(engine).holder() == "", "it hands over what it holds when it stops"


def test_the_rules_in_force_are_kept_once_with_the_time_since_when(valkey: Store, engine: Engine) -> None:
    for clock_s, rules in ((1, Rules(bots=True)), (2, Rules()), (3, Rules(bots=True))):
        a_consumer(valkey, engine, rules=rules, clock=lambda at=clock_s: at).step()  # type: ignore[misc]
    with reading(engine) as connection:
        kept = {row.version: (row.since_s, row.rules) for row in connection.execute(select(traffic_rules))}
    assert kept == {
        Rules(bots=True).version: (1, Rules(bots=True).told()), Rules().version: (2, Rules().told()),
    }  # fmt: skip


def test_who_counts_is_known_by_machine_and_data_directory(valkey: Store, engine: Engine, tmp_path: Path) -> None:
    settings = load({"ADENGINE_DATA_DIR": str(tmp_path / "x" / "..")})
    assert holder_of(settings) == f"{socket.gethostname()}:{tmp_path.resolve()}"
    assert Ledger(engine).holder() == ""
    drain(a_consumer(valkey, engine, holder=holder_of(settings)))
    assert Ledger(engine).holder() == holder_of(settings)


def test_an_empty_batch_moves_nothing(valkey: Store, engine: Engine) -> None:
    ledger = Ledger(engine)
    fence = ledger.claim("tests", NOW_S)
    assert fence is not None and ledger.post(Batch(postings=(), dead=(), passages={}), fence, NOW_S) == 0
    assert ledger.offsets() == {}


def test_many_entries_go_into_several_transactions(valkey: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BATCH_ENTRIES", 4)
    for bucket in range(5):
        append(valkey, *map(an_impression, range(3 * bucket, 3 * bucket + 3)), bucket=bucket)
    portions = [portion for portion in streams.read(valkey, {}) if portion.entries]
    assert [sorted(batch.passages) for batch in streams.batches(portions)] == [[0, 1], [2, 3], [4]]
    assert [sorted(batch.passages) for batch in streams.batches(portions[:4])] == [[0, 1], [2, 3]]


def test_a_consumer_that_never_had_the_lease_gives_none_back(valkey: Store, engine: Engine) -> None:
    drain(a_consumer(valkey, engine, holder="one"))
    other, stopping = a_consumer(valkey, engine, holder="two"), threading.Event()
    other.step = lambda: bool(stopping.set())  # type: ignore[method-assign]
    other.run(stopping)
    assert Ledger(engine).holder() == "one"


def test_a_long_stream_is_looked_through_to_its_end(valkey: Store) -> None:
    append(valkey, *map(an_impression, range(2 * ENTRIES_PER_BUCKET + 1)))
    found = [entry for entry, _ in streams.entries(valkey, 0)]
    assert len(found) == 2 * ENTRIES_PER_BUCKET + 1 and found == sorted(found)
    assert list(streams.entries(valkey, 0, found[-2])) != [] == list(streams.entries(valkey, 0, found[-1]))
