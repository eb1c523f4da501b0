"""A cluster: keys are found wherever they are, and what one node suffers stays with its own keys."""

import os
import signal
from pathlib import Path

import pytest

from adengine.errors import StoreUnavailable
from adengine.store import keys
from adengine.store.client import Store, StoreRefused, connect
from tests import stores
from tests.eventually import eventually
from tests.store.scripts import ADD, KEYS, served

BACK_WITHIN_S = 2


@pytest.fixture
def primaries(cluster_url: str) -> list[Store]:
    """A client of each primary alone; the cluster is empty."""
    whole = connect(cluster_url, timeout_ms=stores.PATIENT_MS)
    stores.empty(whole)
    said = [bytes(answer).decode() for answer in whole.everywhere("INFO", "server", timeout_ms=stores.PATIENT_MS)]
    ports = [answer.partition("tcp_port:")[2].split()[0] for answer in said]
    return [connect(f"redis://127.0.0.1:{port}", timeout_ms=stores.PATIENT_MS) for port in ports]


def test_keys_spread_over_all_primaries_and_each_is_found(cluster_url: str, primaries: list[Store]) -> None:
    store = connect(cluster_url, timeout_ms=stores.PATIENT_MS)
    assert [store.run(ADD, [key], [2]) for key in KEYS] == [2] * len(KEYS)
    assert store.across([("GET", key) for key in KEYS]) == [b"2"] * len(KEYS)
    sizes = [primary.everywhere("DBSIZE")[0] for primary in primaries]
    assert len(sizes) == stores.PRIMARIES and all(sizes) and sum(sizes) == len(KEYS)


def test_a_slot_that_moves_is_followed_and_its_script_runs_once(cluster_url: str, primaries: list[Store]) -> None:
    store = connect(cluster_url, timeout_ms=stores.PATIENT_MS)
    key = KEYS[0]
    slot = primaries[0].everywhere("CLUSTER", "KEYSLOT", key)[0]
    names = [primary.everywhere("CLUSTER", "MYID")[0] for primary in primaries]
    assert served(store, KEYS[1])
    holder = _holder(primaries, key)
    target = (holder + 1) % len(primaries)
    try:
        for primary in primaries:
            primary.everywhere("CLUSTER", "SETSLOT", slot, "NODE", names[target])
        assert [store.run(ADD, [key], [1]) for _ in range(3)] == [1, 2, 3]
        assert primaries[target].everywhere("DBSIZE")[0] >= 1
    finally:
        stores.empty(store)
        for primary in primaries:
            primary.everywhere("CLUSTER", "SETSLOT", slot, "NODE", names[holder])


def test_a_key_on_its_way_to_another_node_is_asked_for_there(cluster_url: str, primaries: list[Store]) -> None:
    store = connect(cluster_url, timeout_ms=stores.PATIENT_MS)
    key, left_behind = keys.stream(0), keys.epoch(0)
    slot = primaries[0].everywhere("CLUSTER", "KEYSLOT", key)[0]
    names = [primary.everywhere("CLUSTER", "MYID")[0] for primary in primaries]
    assert served(store, left_behind)
    holder = _holder(primaries, key)
    target = (holder + 1) % len(primaries)
    try:
        primaries[target].everywhere("CLUSTER", "SETSLOT", slot, "IMPORTING", names[holder])
        primaries[holder].everywhere("CLUSTER", "SETSLOT", slot, "MIGRATING", names[target])
        assert [store.run(ADD, [key], [1]) for _ in range(3)] == [1, 2, 3]
        assert store.read(("GET", key), ("GET", left_behind), ("STRLEN", key)) == [b"3", b"1", 1]
    finally:
        stores.empty(store)
        for n in (holder, target):
            primaries[n].everywhere("CLUSTER", "SETSLOT", slot, "STABLE")


def test_a_primary_that_hangs_takes_only_its_own_keys_along(cluster_url: str, primaries: list[Store]) -> None:
    store = connect(cluster_url, timeout_ms=stores.PATIENT_MS)
    hung = _holder(primaries, KEYS[0])
    elsewhere = next(key for key in KEYS if _holder(primaries, key) != hung)
    assert served(store, KEYS[0]) and served(store, elsewhere)
    pid = int(stores.told(primaries[hung], "server").partition("process_id:")[2].split()[0])
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(20):
            with pytest.raises(StoreUnavailable):
                store.run(ADD, [KEYS[0]], [1], timeout_ms=20)
        assert served(store, elsewhere)
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: served(store, KEYS[0]), within_s=BACK_WITHIN_S)


def test_a_replica_that_takes_over_is_found(tmp_path: Path) -> None:
    with stores.cluster(tmp_path, replicas=1, node_timeout_ms=500) as (url, processes):
        store = connect(url, timeout_ms=stores.PATIENT_MS)
        assert all(served(store, key) for key in KEYS)
        processes[0].kill()
        processes[0].wait()
        assert not all(served(store, key) for key in KEYS)
        eventually(lambda: all(served(store, key) for key in KEYS), within_s=20)


def test_a_cluster_that_is_away_is_unavailable_and_found_when_it_is_there(tmp_path: Path) -> None:
    port = stores.free_port()
    store = connect(f"redis+cluster://127.0.0.1:{port}", timeout_ms=500)
    assert not served(store, KEYS[0])
    with stores.server(stores.VALKEY, tmp_path, "--cluster-enabled", "yes", port=port) as (url, _):
        connect(url, timeout_ms=stores.PATIENT_MS).everywhere("CLUSTER", "ADDSLOTSRANGE", 0, stores.SLOTS - 1)
        eventually(lambda: served(store, KEYS[0]), within_s=10)


def _holder(primaries: list[Store], key: str) -> int:
    return next(n for n, primary in enumerate(primaries) if not _moved(primary, key))


def _moved(primary: Store, key: str) -> bool:
    try:
        primary.read(("GET", key))
    except StoreRefused:
        return True
    return False
