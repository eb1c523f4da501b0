"""Recording a beacon: judged once, in one step, whoever sends how many copies when."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adengine.caps.claims import Pick, ReaderLog
from adengine.catalog.snapshot import Snapshot
from adengine.counting import streams
from adengine.counting.claims import COPIES_MAX, Recorder, Sighting
from adengine.counting.events import Beacon, read_event
from adengine.counting.metrics import NONE, Kind
from adengine.counting.tokens import SKEW_S, TokenReader
from adengine.errors import StoreUnavailable
from adengine.store import keys
from adengine.store.client import Store, connect
from tests import stores
from tests.builders import a_cap, a_creative, a_flight, a_snapshot
from tests.counting.books import MINTER
from tests.counting.builders import NOW_S, a_request, a_ring, a_served

RID = b"\x2a2345678"
IMPRESSION, VIEWABLE, CLICK = Kind


def a_recorder(store: Store, *, now_s: int = NOW_S, snapshot: Snapshot | None = None) -> Recorder:
    return Recorder(store, TokenReader(a_ring()), lambda: snapshot, hold_s=60, clock=lambda: now_s)


PLAIN = Sighting()


def send(recorder: Recorder, kind: Kind, sighting: Sighting = PLAIN, **served: Any) -> str:
    token = MINTER.mint(a_served(**served))[kind]
    return recorder.record(recorder.open(token, kind), kind, sighting)


def recorded(store: Store, bucket: int = 1) -> list[Beacon]:
    """What stands in the stream of a bucket; request number 1 without a reader goes to bucket 1."""
    found = [read_event(event) for _, event in streams.entries(store, bucket)]
    assert all(isinstance(event, Beacon) for event in found)
    return found  # type: ignore[return-value]


def hold(store: Store, rid: bytes = RID, *, hold_s: int = 60, now_s: int = 0, **served: Any) -> None:
    facts = a_served(**served)
    pick = Pick(creative=facts.creative, flight=facts.flight, campaign=1, advertiser=1)
    log = ReaderLog(store)
    assert log.reserve(
        rid, [pick], bucket=rid[0], view=facts.view, hold_s=hold_s, retention_s=10**6, now_s=now_s
    ) == [1]  # fmt: skip


def test_an_impression_a_viewable_and_a_click_count(store: Store) -> None:
    recorder = a_recorder(store)
    assert [send(recorder, kind) for kind in Kind] == ["", "", ""]
    assert [(event.kind, event.reason, event.served) for event in recorded(store)] == [
        (kind, "", a_served()) for kind in Kind
    ]


def test_a_second_copy_of_anything_is_a_duplicate(store: Store) -> None:
    recorder = a_recorder(store)
    for kind in Kind:
        assert [send(recorder, kind) for _ in range(3)] == ["", "duplicate", "duplicate"]
    assert [event.is_first for event in recorded(store)] == [True, False, False] * 3


def test_picks_of_one_request_are_judged_apart(store: Store) -> None:
    recorder = a_recorder(store)
    assert [send(recorder, IMPRESSION, pick=pick) for pick in range(16)] == [""] * 16
    assert [send(recorder, CLICK, pick=pick) for pick in range(16)] == [""] * 16


@pytest.mark.parametrize("kind", [VIEWABLE, CLICK])
def test_what_comes_before_its_impression_does_not_count_and_may_come_again(store: Store, kind: Kind) -> None:
    recorder = a_recorder(store)
    assert send(recorder, kind) == "no_impression"
    assert send(recorder, IMPRESSION) == ""
    assert send(recorder, kind) == ""


def test_an_impression_confirms_its_hold(store: Store) -> None:
    hold(store)
    assert send(a_recorder(store), IMPRESSION, held=True, reader=RID) == ""
    (log,) = store.read(("GET", keys.reader_log(RID)))
    assert log[20:24] == (a_served().view * 2 + 1).to_bytes(4, "big")
    assert [event.reason for event in recorded(store, RID[0])] == [""]


def test_a_lapsed_hold_is_late_and_so_is_what_follows(store: Store) -> None:
    hold(store, hold_s=1, now_s=NOW_S)  # long ago by the store's clock
    recorder = a_recorder(store)
    verdicts = [send(recorder, kind, held=True, reader=RID) for kind in Kind]
    assert verdicts == ["late", "late", "late"]
    assert send(recorder, IMPRESSION, held=True, reader=RID) == "duplicate"


def test_a_reader_who_was_forgotten_is_not_billed_for(store: Store) -> None:
    hold(store)
    ReaderLog(store).forget(RID)
    assert send(a_recorder(store), IMPRESSION, held=True, reader=RID) == "late"


def test_lifetime_counts_grow_with_the_confirmed_impression(store: Store) -> None:
    flight = a_flight(3, caps=(a_cap(9, window="flight"),))
    snapshot = a_snapshot(flight, creatives=(a_creative(4),))
    hold(store)
    assert send(a_recorder(store, snapshot=snapshot), IMPRESSION, held=True, reader=RID) == ""
    assert store.read(("HGETALL", keys.reader_totals(RID))) == [[b"3:2:3", b"1"]]


def test_old_and_coming_tokens_are_recorded_with_their_reason(store: Store) -> None:
    assert send(a_recorder(store, now_s=NOW_S + 7200 + SKEW_S + 1), IMPRESSION) == "expired"
    assert send(a_recorder(store, now_s=NOW_S - SKEW_S - 1), IMPRESSION) == "future"
    assert [(event.reason, event.is_first) for event in recorded(store)] == [("expired", False), ("future", False)]
    assert send(a_recorder(store), IMPRESSION) == "", "neither took the place of the one that counts"


def test_forged_unknown_and_preview_tokens_leave_nothing(store: Store) -> None:
    recorder = a_recorder(store)
    assert recorder.record(recorder.open("x" * 112, IMPRESSION), IMPRESSION) == "forged"
    assert send(recorder, IMPRESSION, preview=True) == "preview"
    stranger = Recorder(store, TokenReader(a_ring(secret="z" * 40)), lambda: None, hold_s=60)
    assert send(stranger, IMPRESSION) == "unknown_key"
    assert store.everywhere("DBSIZE") == [0] * len(store.everywhere("DBSIZE"))


def test_measurable_is_said_once_for_each_impression(store: Store) -> None:
    recorder = a_recorder(store)
    script = Sighting(is_measurable=True)
    send(recorder, IMPRESSION, script, pick=0)
    send(recorder, VIEWABLE, script, pick=0)
    send(recorder, IMPRESSION, pick=1)
    send(recorder, VIEWABLE, script, pick=1)
    assert [event.is_measurable for event in recorded(store)] == [True, False, False, True]


def test_an_impression_that_does_not_count_is_not_measurable(store: Store) -> None:
    recorder = a_recorder(store)
    send(recorder, IMPRESSION, Sighting(is_measurable=True), held=True, reader=RID)
    send(recorder, VIEWABLE, Sighting(is_measurable=True), held=True, reader=RID)
    assert [(event.reason, event.is_measurable) for event in recorded(store, RID[0])] == [("late", False)] * 2


@pytest.mark.parametrize(("said", "shown"), [(0, 0), (2, 2), (3, NONE), (NONE, NONE)])
def test_only_a_variant_that_the_creative_has_is_believed(valkey: Store, said: int, shown: int) -> None:
    snapshot = a_snapshot(a_flight(3), creatives=(a_creative(4, version=5),))
    send(a_recorder(valkey, snapshot=snapshot), IMPRESSION, Sighting(variant=said))
    assert [event.variant for event in recorded(valkey)] == [shown]


def test_a_flood_of_copies_ends(valkey: Store) -> None:
    recorder = a_recorder(valkey)
    send(recorder, IMPRESSION)
    valkey.read(("SETRANGE", keys.request_bits(1, a_request()), 16, (COPIES_MAX - 1).to_bytes(2, "big")))
    assert [send(recorder, IMPRESSION) for _ in range(3)] == ["duplicate"] * 3
    assert len(recorded(valkey)) == 2


def test_what_the_store_knows_of_a_request_outlives_its_tokens(valkey: Store) -> None:
    send(a_recorder(valkey), IMPRESSION)
    (lives_s,) = valkey.read(("TTL", keys.request_bits(1, a_request())))
    assert lives_s > 86_400 + 2 * SKEW_S


def test_a_stream_gets_its_epoch_with_its_first_event_and_keeps_it(valkey: Store) -> None:
    recorder = a_recorder(valkey)
    send(recorder, IMPRESSION)
    (first,) = valkey.read(("GET", keys.epoch(1)))
    send(recorder, CLICK)
    assert len(first) == 16 and valkey.read(("GET", keys.epoch(1))) == [first]


def test_without_a_store_nothing_is_acknowledged() -> None:
    nowhere = connect(f"redis://127.0.0.1:{stores.free_port()}", timeout_ms=50)
    with pytest.raises(StoreUnavailable):
        send(a_recorder(nowhere), IMPRESSION)


TOKENS, COPIES, PROCESSES, THREADS = 200, 64, 2, 8


def _send_all(url: str) -> list[tuple[int, str]]:
    """One process's share of the copies, some at a time: (token's number, verdict)."""
    store = connect(url, timeout_ms=5_000)
    recorder = a_recorder(store)
    tokens = [MINTER.mint(a_served(number))[IMPRESSION] for number in range(TOKENS)]
    with ThreadPoolExecutor(THREADS) as pool:
        sent = [number for _ in range(COPIES // PROCESSES) for number in range(TOKENS)]
        verdicts = pool.map(lambda n: recorder.record(recorder.open(tokens[n], IMPRESSION), IMPRESSION), sent)
        return list(zip(sent, verdicts, strict=True))


def test_64_concurrent_copies_of_200_tokens_count_200(store_url: str) -> None:
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        verdicts = [one for share in pool.map(_send_all, [store_url] * PROCESSES) for one in share]
    assert len(verdicts) == TOKENS * COPIES
    assert sorted(number for number, verdict in verdicts if not verdict) == list(range(TOKENS))
    assert {verdict for _, verdict in verdicts} == {"", "duplicate"}


@pytest.mark.parametrize(("after_s", "verdict"), [(60, ""), (61, "late")])
def test_a_brief_impression_counts_no_longer_than_a_hold_would_live(valkey: Store, after_s: int, verdict: str) -> None:
    recorder = a_recorder(valkey, now_s=NOW_S + after_s)
    assert send(recorder, IMPRESSION, brief=True) == verdict
    assert send(recorder, VIEWABLE, brief=True) == (verdict and "no_impression")


def test_no_variant_is_believed_while_there_is_no_catalogue(valkey: Store) -> None:
    assert send(a_recorder(valkey), IMPRESSION, Sighting(variant=1)) == ""
    assert [event.variant for event in recorded(valkey)] == [NONE]


def test_a_variant_of_another_version_is_not_believed(valkey: Store) -> None:
    snapshot = a_snapshot(a_flight(3), creatives=(a_creative(4, version=6),))
    recorder = a_recorder(valkey, snapshot=snapshot)
    send(recorder, IMPRESSION, Sighting(variant=0))
    send(recorder, IMPRESSION, Sighting(variant=0), pick=1, creative=5)
    assert [event.variant for event in recorded(valkey)] == [NONE, NONE]
