"""A server that hangs, dies, comes back, or may not serve: calls fail at once, and work soon after it is back."""

import os
import signal
from pathlib import Path

import pytest

from adengine.errors import StoreUnavailable
from adengine.store import wire
from adengine.store.client import StoreRefused, connect
from tests import stores
from tests.eventually import eventually
from tests.store.proxy import Proxy
from tests.store.scripts import ADD, KEYS, served
from tests.twins import both

twin = both(wire, "talk")
BACK_WITHIN_S = 2


def test_a_store_that_hangs_is_asked_seldom_until_it_is_back(tmp_path: Path) -> None:
    with stores.server(stores.VALKEY, tmp_path) as (url, process):
        store = connect(url, timeout_ms=25)
        eventually(lambda: served(store, KEYS[0]))
        os.kill(process.pid, signal.SIGSTOP)
        before = store.round_trips
        for _ in range(100):
            with pytest.raises(StoreUnavailable):
                store.run(ADD, [KEYS[0]], [1])
        assert store.round_trips - before < 20
        os.kill(process.pid, signal.SIGCONT)
        eventually(lambda: served(store, KEYS[0]), within_s=BACK_WITHIN_S)


def test_a_store_is_found_again_after_it_was_killed(tmp_path: Path) -> None:
    port = stores.free_port()
    store = connect(f"redis://127.0.0.1:{port}", timeout_ms=500)
    assert not served(store, KEYS[0])
    for _ in range(2):
        with stores.server(stores.VALKEY, tmp_path, port=port):
            eventually(lambda: served(store, KEYS[0]), within_s=BACK_WITHIN_S)
        assert not served(store, KEYS[0])


def test_a_restart_between_two_calls_fails_neither(tmp_path: Path) -> None:
    port = stores.free_port()
    store = connect(f"redis://127.0.0.1:{port}", timeout_ms=stores.PATIENT_MS)
    for expected in (1, 2, 3):
        with stores.server(stores.VALKEY, tmp_path, "--appendfsync", "always", port=port):
            assert store.run(ADD, [KEYS[0]], [1]) == expected


def test_a_server_that_became_a_replica_is_left_for_the_one_that_stands_at_its_address_now(tmp_path: Path) -> None:
    with (
        stores.server(stores.VALKEY, tmp_path / "old") as (old, _),
        stores.server(stores.VALKEY, tmp_path / "new") as (
            new,
            _,
        ),
    ):
        address = Proxy(old)
        store = connect(address.url, timeout_ms=stores.PATIENT_MS)
        assert served(store, KEYS[0])
        connect(old, timeout_ms=stores.PATIENT_MS).everywhere("REPLICAOF", *new.removeprefix("redis://").split(":"))
        address.upstream = new
        with pytest.raises(StoreUnavailable, match="READONLY"):
            store.run(ADD, [KEYS[0]], [1])
        eventually(lambda: served(store, KEYS[0]), within_s=BACK_WITHIN_S)
        address.close()


def test_a_wrong_password_is_refused_and_known_as_such(tmp_path: Path) -> None:
    with stores.server(stores.VALKEY, tmp_path) as (url, _):
        connect(url, timeout_ms=stores.PATIENT_MS).everywhere("CONFIG", "SET", "requirepass", "right")
        for wrong in (url, url.replace("//", "//:wrong@"), url.replace("//", "//nobody:right@")):
            with pytest.raises(StoreRefused):
                connect(wrong, timeout_ms=stores.PATIENT_MS).run(ADD, [KEYS[0]], [1])
        assert served(connect(url.replace("//", "//:right@"), timeout_ms=stores.PATIENT_MS), KEYS[0])
