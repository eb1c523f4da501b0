"""The consumer waits for a store or database that is away, and goes on by itself."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY
from sqlalchemy import Engine

from adengine.counting.consume import Consumer
from adengine.store import sql
from adengine.store.client import Store, connect
from tests import stores
from tests.counting.books import a_consumer, an_impression, append, counted
from tests.eventually import eventually


@contextlib.contextmanager
def running(consumer: Consumer) -> Iterator[None]:
    stopping = threading.Event()
    thread = threading.Thread(target=consumer.run, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


AT_ONCE = ("--appendfsync", "always")
"""What was acknowledged survives a kill; else a write may wait for two seconds behind a slow disk."""


def failures() -> float:
    return REGISTRY.get_sample_value("adengine_store_failures_total", {"caller": "consumer"}) or 0


def test_a_store_that_was_killed_is_waited_for(sqlite_engine: Engine, tmp_path: Path) -> None:
    before, folder, port = failures(), tmp_path / "valkey", stores.free_port()
    with stores.server(stores.VALKEY, folder, *AT_ONCE, port=port) as (url, _):
        store = connect(url, timeout_ms=stores.PATIENT_MS)
        append(store, an_impression(1))
        consumer = a_consumer(store, sqlite_engine)
    with running(consumer):
        eventually(lambda: failures() > before)
        with stores.server(stores.VALKEY, folder, *AT_ONCE, port=port):
            eventually(lambda: counted(sqlite_engine) == 1, within_s=20)
            append(store, an_impression(2))
            eventually(lambda: counted(sqlite_engine) == 2)


def test_a_database_that_is_away_is_waited_for(valkey: Store, sqlite_engine: Engine, sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    elsewhere = file.with_suffix(".away")
    before = failures()
    append(valkey, an_impression(1))
    with running(a_consumer(valkey, sql.engine(sqlite_url))):
        eventually(lambda: counted(sqlite_engine) == 1)
        file.rename(elsewhere)
        append(valkey, an_impression(2))
        eventually(lambda: failures() > before)
        elsewhere.rename(file)
        eventually(lambda: counted(sqlite_engine) == 2)


def test_a_consumer_that_stops_hands_its_work_over_at_once(valkey: Store, sqlite_engine: Engine) -> None:
    append(valkey, an_impression(1))
    with running(a_consumer(valkey, sqlite_engine, holder="one")):
        eventually(lambda: counted(sqlite_engine) == 1)
    append(valkey, an_impression(2))
    a_consumer(valkey, sqlite_engine, holder="two").step()
    assert counted(sqlite_engine) == 2
