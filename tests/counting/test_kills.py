"""Consumers that are killed with SIGKILL, again and again, while events go on coming."""

from __future__ import annotations

import multiprocessing
import random
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from adengine.counting import audit, segments
from adengine.counting.kept import DAY_S
from adengine.counting.metrics import Metric
from adengine.store import sql
from adengine.store.client import Store, connect
from tests.counting.books import (
    KEEP_S,
    a_consumer,
    an_impression,
    append,
    counted,
    drain,
    of_files,
    of_rollups,
    reasons,
)
from tests.counting.builders import NOW_S
from tests.eventually import eventually

KILLS = 4
BUCKETS, EVENTS = 2, 600
"""So many come into each bucket before each kill. They are read in portions of 200: a kill finds work half done."""
Process = multiprocessing.process.BaseProcess


def _consume(store_url: str, database_url: str) -> None:
    store, engine = connect(store_url, timeout_ms=5_000), sql.engine(database_url)
    a_consumer(store, engine, keep_s=KEEP_S).run(threading.Event())


def _started(store_url: str, database_url: str) -> Process:
    process = multiprocessing.get_context("fork").Process(target=_consume, args=(store_url, database_url), daemon=True)
    process.start()
    return process


def _kill_some_time_after(process: Process, chance: random.Random, advanced: Callable[[], bool]) -> None:
    """In the middle of work: after it has committed something, at a moment of its own."""
    eventually(advanced, within_s=30)
    process.join(chance.uniform(0, 0.02))
    process.kill()
    process.join()


def _append(store: Store, kill: int) -> None:
    for bucket in range(BUCKETS):
        first = (kill * BUCKETS + bucket) * EVENTS
        numbers = range(first, first + EVENTS)
        copies = [an_impression(number, first=False, reason="duplicate") for number in numbers[::5]]
        append(store, *map(an_impression, numbers), *copies, *map(an_impression, numbers[::5]), bucket=bucket)


def _killed_again_and_again(store: Store, store_url: str, engine: Engine, database_url: str) -> None:
    chance = random.Random(2)
    left_undone = 0
    for kill in range(KILLS):
        before = counted(engine)
        _append(store, kill)
        _kill_some_time_after(_started(store_url, database_url), chance, lambda: counted(engine) > before)  # noqa: B023
        left_undone += counted(engine) < (kill + 1) * BUCKETS * EVENTS
    assert left_undone, "none was killed in the middle of its work"
    drain(a_consumer(store, engine))
    events = KILLS * BUCKETS * EVENTS
    assert counted(engine) == events
    assert reasons(engine, Metric.INVALID_IMPRESSION) == {"duplicate": events // 5}
    assert [finding for finding in audit.run(engine, store) if not finding.holds] == []


def _keep_events(database_url: str, folder: Path) -> None:
    """As often as it can: a kill finds it anywhere between writing, deleting and joining."""
    engine = sql.engine(database_url)
    while True:
        segments.keep(engine, folder, NOW_S + DAY_S, 30)


def _count_events(store_url: str, database_url: str) -> None:
    store, engine = connect(store_url, timeout_ms=5_000), sql.engine(database_url)
    a_consumer(store, engine, keep_s=KEEP_S, keeps_events=True).run(threading.Event())


def test_killed_consumers_and_keepers_lose_and_double_no_event_in_files(
    valkey: Store, valkey_url: str, engine: Engine, database_url: str, tmp_path: Path
) -> None:
    """Killed by themselves and together; new processes, because DuckDB does not outlive a fork."""
    chance, folder, new = random.Random(3), tmp_path / "events", multiprocessing.get_context("spawn")
    for kill in range(KILLS):
        before = counted(engine)
        _append(valkey, kill)
        consumer = new.Process(target=_count_events, args=(valkey_url, database_url), daemon=True)
        keeper = new.Process(target=_keep_events, args=(database_url, folder), daemon=True)
        keeper.start()
        consumer.start()
        _kill_some_time_after(consumer, chance, lambda: counted(engine) > before)  # noqa: B023
        _kill_some_time_after(keeper, chance, lambda: segments.parts(folder) != [])
    drain(a_consumer(valkey, engine, keeps_events=True))
    segments.keep(engine, folder, NOW_S + DAY_S, 30)
    assert counted(engine) == KILLS * BUCKETS * EVENTS
    assert of_files(folder) == of_rollups(engine) and len(segments.parts(folder)) == 1


def test_killed_consumers_lose_and_double_nothing_on_any_store(
    store: Store, store_url: str, sqlite_engine: Engine, sqlite_url: str
) -> None:
    _killed_again_and_again(store, store_url, sqlite_engine, sqlite_url)


def test_killed_consumers_lose_and_double_nothing_on_any_database(
    valkey: Store, valkey_url: str, engine: Engine, database_url: str
) -> None:
    _killed_again_and_again(valkey, valkey_url, engine, database_url)
