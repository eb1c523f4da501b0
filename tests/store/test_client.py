"""The store's client: a call is executed at most once, waits no longer than it may, fails under one name."""

import multiprocessing
import threading
import time
from collections.abc import Iterator

import pytest

from adengine.errors import StoreUnavailable
from adengine.store import keys, wire
from adengine.store.client import Script, Store, StoreForbids, connect
from tests.eventually import eventually
from tests.store.proxy import Proxy
from tests.store.scripts import ADD, KEYS
from tests.twins import both

twin = both(wire, "talk")


@pytest.fixture
def proxy(valkey_url: str, valkey: Store) -> Iterator[Proxy]:
    proxy = Proxy(valkey_url)
    yield proxy
    proxy.close()


def test_a_script_runs_where_its_key_lives(store: Store) -> None:
    assert [store.run(ADD, [key], [2]) for key in KEYS] == [2] * len(KEYS)
    assert store.across([("GET", key) for key in KEYS]) == [b"2"] * len(KEYS)


def test_a_script_that_the_store_forgot_is_sent_again_and_runs_once(store: Store) -> None:
    assert store.run(ADD, [KEYS[0]], [1]) == 1
    store.everywhere("SCRIPT", "FLUSH")
    assert store.run(ADD, [KEYS[0]], [1]) == 2


def test_a_packaged_script_goes_by_the_name_that_the_server_gives_it(store: Store) -> None:
    script = Script.load("caps/log.lua", "caps/reserve.lua")
    assert set(store.everywhere("SCRIPT", "LOAD", script.text)) == {script.sha.encode()}


def test_one_read_is_one_round_trip(store: Store) -> None:
    rid = bytes(range(8))
    store.run(ADD, [keys.reader_log(rid)], [1])
    before = store.round_trips
    assert store.read(("GET", keys.reader_log(rid)), ("HGETALL", keys.reader_totals(rid))) == [b"1", []]
    assert store.round_trips == before + 1


def test_threads_share_a_store(store: Store) -> None:
    def count() -> None:
        for _ in range(50):
            store.run(ADD, [KEYS[1]], [1])

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read(("GET", KEYS[1])) == [b"400"]


def test_what_the_store_refuses_is_unavailable_and_leaves_the_connection_usable(store: Store) -> None:
    store.across([("SET", KEYS[0], "text")])
    with pytest.raises(StoreUnavailable, match="refused"):
        store.run(ADD, [KEYS[0]], [1])
    assert store.read(("GET", KEYS[0])) == [b"text"]


def test_many_short_threads_never_use_up_the_store(valkey: Store) -> None:
    for _ in range(150):
        thread = threading.Thread(target=lambda: valkey.run(ADD, [KEYS[1]], [1]))
        thread.start()
        thread.join()
    assert valkey.read(("GET", KEYS[1])) == [b"150"]


def test_a_forked_child_never_reads_its_parents_replies(valkey: Store) -> None:
    valkey.run(ADD, [KEYS[0]], [0])
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()

    def count(key: str) -> list[int]:
        return [valkey.run(ADD, [key], [1]) for _ in range(200)]

    children = [context.Process(target=lambda key=key: answers.put(count(key))) for key in KEYS[1:4]]
    for child in children:
        child.start()
    assert count(KEYS[0]) == list(range(1, 201))
    assert [answers.get() for _ in children] == [list(range(1, 201))] * 3
    for child in children:
        child.join()


def test_a_key_that_may_not_be_touched_is_told_apart(valkey: Store, valkey_url: str) -> None:
    valkey.everywhere("ACL", "SETUSER", "reader", "on", ">word", "~fc:*", "+get")
    try:
        theirs = connect(valkey_url.replace("//", "//reader:word@"), timeout_ms=2000)
        assert theirs.read(("GET", "fc:{b000}:x")) == [None]
        with pytest.raises(StoreForbids):
            theirs.read(("GET", "st:{b000}"))
    finally:
        valkey.everywhere("ACL", "DELUSER", "reader")


def test_a_call_whose_reply_is_lost_was_executed_once_and_fails(proxy: Proxy, valkey: Store) -> None:
    behind = connect(proxy.url, timeout_ms=2000)
    behind.run(ADD, [KEYS[0]], [1000])
    proxy.cut_replies_holding = b":1001\r\n"
    with pytest.raises(StoreUnavailable):
        behind.run(ADD, [KEYS[0]], [1])
    assert proxy.cut == 1
    assert valkey.read(("GET", KEYS[0])) == [b"1001"]


def test_a_late_reply_is_never_read_as_the_answer_of_the_next_call(proxy: Proxy, valkey: Store) -> None:
    behind = connect(proxy.url, timeout_ms=5000)
    behind.run(ADD, [KEYS[0]], [1])
    proxy.delay_s = 1
    with pytest.raises(StoreUnavailable):
        behind.run(ADD, [KEYS[0]], [41], timeout_ms=100)
    proxy.delay_s = 0
    eventually(lambda: valkey.read(("GET", KEYS[0])) == [b"42"])
    assert behind.read(("GET", KEYS[0])) == [b"42"]


def test_one_call_may_be_allowed_less_time(proxy: Proxy) -> None:
    behind = connect(proxy.url, timeout_ms=60_000)
    behind.run(ADD, [KEYS[0]], [1])
    proxy.delay_s = 5
    with pytest.raises(StoreUnavailable):
        behind.run(ADD, [KEYS[0]], [1], timeout_ms=20)


def test_the_time_allowed_bounds_opening_a_connection_too(proxy: Proxy) -> None:
    proxy.delay_s = 4
    greeted = connect(proxy.url.replace("//", "//default:any@"), timeout_ms=60_000)
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailable):
        greeted.run(ADD, [KEYS[0]], [1], timeout_ms=20)
    assert time.monotonic() - began_s < proxy.delay_s, "waited for the greeting"


def test_a_call_without_time_is_not_sent(valkey: Store) -> None:
    valkey.run(ADD, [KEYS[0]], [1])
    with pytest.raises(StoreUnavailable):
        valkey.run(ADD, [KEYS[0]], [1], timeout_ms=0)
    assert valkey.read(("GET", KEYS[0])) == [b"1"]
