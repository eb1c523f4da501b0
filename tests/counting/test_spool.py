"""The spool: what the store cannot take waits on the disk, and counts once when it is back."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from adengine.counting import spool
from adengine.counting.claims import RECORD, SPOOLED, Recorder
from adengine.counting.metrics import Kind, Metric
from adengine.counting.spool import Full, Spool
from adengine.counting.tokens import TokenReader
from adengine.counting.traffic.rules import Rules
from adengine.counting.traffic.verdicts import Traffic
from adengine.errors import StoreUnavailable
from adengine.store import keys
from adengine.store.client import Script, Store, connect
from tests import stores
from tests.counting.books import a_consumer, counted, drain, reasons
from tests.counting.builders import NOW_S, a_ring
from tests.counting.test_claims import RID, hold, recorded, send

IMPRESSION, VIEWABLE, CLICK = Kind
ROOM = 2**20


@pytest.fixture
def away() -> Iterator[Store]:
    made = connect(f"redis://127.0.0.1:{stores.free_port()}", timeout_ms=50)
    yield made
    made.close()


class Kept(Recorder):
    """A recorder whose spool can be closed, as it is when its worker ends."""

    def __init__(self, spool: Spool, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, spool=spool, **kwargs)
        self.end = spool.close


def a_recorder(store: Store, folder: Path, bytes_max: int = ROOM) -> Kept:
    return Kept(
        Spool(folder, bytes_max), store, TokenReader(a_ring()), lambda: None, hold_s=60, clock=lambda: NOW_S + 7,
        traffic=Traffic(Rules(click_ms_min=300, reader_per_minute=1)), recorded_at=lambda: NOW_S,
    )  # fmt: skip


def test_what_waited_is_recorded_as_it_came(away: Store, store: Store, tmp_path: Path) -> None:
    recorder = a_recorder(away, tmp_path)
    assert [send(recorder, kind, reader=RID) for kind in Kind] == [SPOOLED] * 3
    recorder.end()
    assert spool.drain(tmp_path, store, RECORD) == 3
    assert [(event.kind, event.reason, event.at_s) for event in recorded(store, RID[0])] == [
        (kind, "", NOW_S + 7) for kind in Kind
    ], "the time, or a rate of the minute in which it was drained"
    assert list(tmp_path.iterdir()) == [] and spool.drain(tmp_path, store, RECORD) == 0


def test_what_is_acknowledged_is_on_the_disk_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Power that goes takes whatever was not synced, so all of the line is synced before `append` returns."""
    kept, sizes = Spool(tmp_path, ROOM), []
    monkeypatch.setattr(os, "fdatasync", lambda handle: sizes.append(os.fstat(handle).st_size))
    for number in range(1, 4):
        kept.append(["key"], [b"value"])
        (path,) = tmp_path.iterdir()
        assert len(sizes) == number and sizes[-1] == path.stat().st_size > 0
    kept.close()


def test_a_folder_that_is_gone_is_made_again_with_all_above_it(away: Store, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "gone" / "spool"
    recorder = a_recorder(away, folder)
    assert send(recorder, IMPRESSION) == SPOOLED
    recorder.end()
    assert spool.drain(folder, store, RECORD) == 1


def test_a_hold_that_waited_is_confirmed(away: Store, valkey: Store, tmp_path: Path) -> None:
    hold(valkey, now_s=NOW_S)
    assert send(a_recorder(away, tmp_path), IMPRESSION, held=True, reader=RID) == SPOOLED
    spool.drain(tmp_path, valkey, RECORD)
    assert [event.reason for event in recorded(valkey, RID[0])] == [""]


def test_a_line_that_is_drained_twice_gives_no_epoch_twice(away: Store, valkey: Store, tmp_path: Path) -> None:
    """Else the new stream of a store that came back empty would be taken for the old one, and read from its end."""
    recorder = a_recorder(away, tmp_path)
    send(recorder, IMPRESSION)
    recorder.end()
    (line,) = [file.read_bytes() for file in tmp_path.glob("*.spool")]
    epochs = []
    for _ in range(2):
        valkey.across([("FLUSHALL", "SYNC")])
        (tmp_path / "again.spool").write_bytes(line)
        spool.drain(tmp_path, valkey, RECORD)
        epochs.append(valkey.read(("GET", keys.epoch(1)))[0])
    assert len({*epochs}) == 2 and None not in epochs


def test_copies_that_waited_count_once(away: Store, valkey: Store, sqlite_engine: Engine, tmp_path: Path) -> None:
    send(a_recorder(valkey, tmp_path), IMPRESSION)
    recorder = a_recorder(away, tmp_path)
    for _ in range(3):
        send(recorder, IMPRESSION)
        send(recorder, IMPRESSION, request=2)
    spool.drain(tmp_path, valkey, RECORD)
    drain(a_consumer(valkey, sqlite_engine))
    assert counted(sqlite_engine) == 2
    assert reasons(sqlite_engine, Metric.INVALID_IMPRESSION) == {"duplicate": 5}


def test_files_of_several_workers_are_drained_in_the_order_of_their_lines(
    away: Store, valkey: Store, sqlite_engine: Engine, tmp_path: Path
) -> None:
    """A page's beacons go to any worker; a click before its impression would not count."""
    one, two = a_recorder(away, tmp_path), a_recorder(away, tmp_path)
    for n in range(30):
        for kind in Kind:
            assert send((one, two)[(n + kind) % 2], kind, request=n) == SPOOLED
    two.end()
    assert spool.drain(tmp_path, valkey, RECORD) == 90
    drain(a_consumer(valkey, sqlite_engine))
    assert [counted(sqlite_engine, metric) for metric in (Metric.IMPRESSION, Metric.VIEWABLE, Metric.CLICK)] == [30] * 3


@pytest.mark.parametrize("kind", [VIEWABLE, CLICK])
def test_what_follows_an_impression_that_waits_waits_behind_it(
    away: Store, valkey: Store, tmp_path: Path, kind: Kind
) -> None:
    back = a_recorder(valkey, tmp_path)
    assert send(back, kind) == "no_impression"
    assert send(a_recorder(away, tmp_path), IMPRESSION) == SPOOLED
    assert send(back, kind) == SPOOLED, "of any worker of the machine"
    assert send(back, IMPRESSION, request=2) == "", "what need not wait does not"
    assert send(back, kind, request=2) == ("too_fast" if kind is CLICK else "")
    spool.drain(tmp_path, valkey, RECORD)
    assert [(event.kind, event.reason) for event in recorded(valkey)] == [
        (kind, "no_impression"), (IMPRESSION, ""), (kind, ""),
    ]  # fmt: skip


def test_a_worker_lets_go_of_its_file_when_the_store_answers(
    away: Store, valkey: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Spool(tmp_path, ROOM)
    waiting.append(["key"], [1])
    waiting.rest()
    assert spool.drain(tmp_path, valkey, Script("return 1")) == 1 and waiting.is_waiting(), "it was just written"
    monkeypatch.setattr(spool, "REST_S", 0)
    waiting.rest()
    spool.drain(tmp_path, valkey, Script("return 1"))
    assert not waiting.is_waiting() and list(tmp_path.iterdir()) == []
    assert not Spool(tmp_path / "none", ROOM).is_waiting()


def test_a_recorder_whose_store_is_back_lets_go_of_what_it_spooled(
    valkey: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its file would lie there for ever, and what follows an impression would look for it there."""
    waiting = Spool(tmp_path, ROOM)
    waiting.append(["key"], [1])
    monkeypatch.setattr(spool, "REST_S", 0)
    recorder = Kept(waiting, valkey, TokenReader(a_ring()), lambda: None, hold_s=60, clock=lambda: NOW_S)
    assert send(recorder, IMPRESSION) == ""
    spool.drain(tmp_path, valkey, Script("return 1"))
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_is_written_meanwhile_waits_for_the_next_time(valkey: Store, tmp_path: Path) -> None:
    path = tmp_path / "00000000000000000001-x.spool"
    soon_ns, later_ns = time.time_ns() + 30 * 10**9, time.time_ns() + 10**15
    path.write_bytes(b"".join(spool.line_of(at_ns, ["key"], [1]) for at_ns in (1, soon_ns, 2)))
    assert [spool.drain(tmp_path, valkey, Script("return 1")) for _ in range(2)] == [1, 0] and path.exists()
    path.write_bytes(spool.line_of(1, ["key"], [1]) + spool.line_of(later_ns, ["key"], [1]))
    assert spool.drain(tmp_path, valkey, Script("return 1")) == 1, "the clock was set back by days"
    assert list(tmp_path.iterdir()) == []


def test_a_file_has_its_name_when_it_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the keeper could lock it first, find nothing in it and drop it, and what is written next would be lost."""
    named: list[str] = []
    lock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lambda *of: (named.extend(p.suffix for p in tmp_path.iterdir()), lock(*of))[1])
    Spool(tmp_path, ROOM).append(["key"], [1])
    assert named == [".born"] and [path.suffix for path in tmp_path.iterdir()] == [".spool"]


def test_files_of_workers_that_died_at_once_are_dropped(valkey: Store, tmp_path: Path) -> None:
    now_ns = time.time_ns()
    for begun_ns in (now_ns, now_ns - 2 * spool.UNBORN_NS):
        (tmp_path / f"{begun_ns:020d}-x.born").touch()
    assert spool.drain(tmp_path, valkey, RECORD) == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{now_ns:020d}-x.born"]


def test_a_file_that_is_still_written_is_drained_as_far_as_it_goes(away: Store, valkey: Store, tmp_path: Path) -> None:
    recorder = a_recorder(away, tmp_path)
    send(recorder, IMPRESSION)
    assert spool.drain(tmp_path, valkey, RECORD) == 1
    send(recorder, IMPRESSION, request=2)
    send(recorder, IMPRESSION, request=3)
    assert spool.drain(tmp_path, valkey, RECORD) == 2
    assert spool.drain(tmp_path, valkey, RECORD) == 0
    assert len(list(tmp_path.glob("*.spool"))) == 1
    recorder.end()
    spool.drain(tmp_path, valkey, RECORD)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_goes_again_stops_the_draining_and_loses_nothing(
    away: Store, sqlite_engine: Engine, tmp_path: Path
) -> None:
    recorder = a_recorder(away, tmp_path / "spool")
    for n in range(200):
        send(recorder, IMPRESSION, request=n)
    recorder.end()
    folder, port = tmp_path / "valkey", stores.free_port()
    with stores.server(stores.VALKEY, folder, "--appendfsync", "always", port=port) as (url, process):
        store = connect(url, timeout_ms=stores.PATIENT_MS)
        drained_before = 0

        def dies(*args: object, **kwargs: object) -> object:
            nonlocal drained_before
            drained_before += 1
            if drained_before == 101:
                process.kill()
            return run(*args, **kwargs)  # type: ignore[arg-type]

        run = store.run
        store.run = dies  # type: ignore[method-assign]
        with pytest.raises(StoreUnavailable):
            spool.drain(tmp_path / "spool", store, RECORD)
    with stores.server(stores.VALKEY, folder, port=port) as (url, _):
        store = connect(url, timeout_ms=stores.PATIENT_MS)
        assert spool.drain(tmp_path / "spool", store, RECORD) == 100
        drain(a_consumer(store, sqlite_engine))
    assert counted(sqlite_engine) == 200


@pytest.mark.parametrize("change", ["cut", "damaged"])
def test_a_line_that_is_not_as_it_was_written_is_left_out_and_those_behind_are_not(
    away: Store, valkey: Store, tmp_path: Path, change: str
) -> None:
    recorder = a_recorder(away, tmp_path)
    for n in range(3):
        send(recorder, IMPRESSION, request=n)
    recorder.end()
    (path,) = tmp_path.glob("*.spool")
    lines = path.read_bytes().splitlines(keepends=True)
    if change == "cut":
        path.write_bytes(lines[0] + lines[1] + lines[2][:40])
    else:
        path.write_bytes(lines[0] + lines[1].replace(b"ev:", b"EV:") + lines[2])
    assert spool.drain(tmp_path, valkey, RECORD) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_full_spool_refuses_and_the_page_may_try_again(
    away: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = a_recorder(away, tmp_path, bytes_max=2_000)
    verdicts = []
    with pytest.raises(StoreUnavailable, match="full"):
        for n in range(10):
            verdicts.append(send(recorder, IMPRESSION, request=n))
    assert 1 < len(verdicts) < 10 and spool.waiting_bytes(tmp_path) <= 2_000
    monkeypatch.setattr(spool, "FREE_BYTES_MIN", 2**60)
    with pytest.raises(Full, match="disk"):
        Spool(tmp_path / "other", ROOM).append(["key"], [1])


def test_a_file_that_is_dropped_while_room_is_looked_for_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001-dropped.spool").symlink_to(tmp_path / "nothing")
    waiting = Spool(tmp_path, ROOM)
    waiting.append(["key"], [1])
    assert spool.waiting_bytes(tmp_path) == len(spool.line_of(time.time_ns(), ["key"], [1]))
    waiting.close()


def test_files_do_not_grow_for_ever(away: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "FILE_BYTES", 800)
    recorder = a_recorder(away, tmp_path)
    for n in range(9):
        send(recorder, IMPRESSION, request=n)
    assert len(list(tmp_path.glob("*.spool"))) > 2


WRITER = """
import sys
from pathlib import Path
from typing import Any
from adengine.counting.spool import Spool
spool = Spool(Path(sys.argv[1]), 2**30)
for n in range(10**6):
    spool.append(["key"], [n, b"x" * 60])
    print(n, flush=True)
"""


def test_what_was_acknowledged_is_there_whenever_its_writer_is_killed(tmp_path: Path) -> None:
    for after in (0, 7, 50):
        folder = tmp_path / str(after)
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line) >= after:
                break
        writer.kill()
        last = max([int(line), *map(int, writer.stdout.read().split())])
        writer.wait()
        (path,) = folder.glob("*.spool")
        calls = [spool.call_of(line + b"\n") for line in path.read_bytes().split(b"\n")[:-1]]
        assert [call.args[0] for call in calls if call is not None][: last + 1] == list(range(last + 1))


def test_a_keeper_that_is_killed_repeats_a_few_hundred_calls_at_most(
    valkey: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "NOTED_EVERY", 3)
    lines = [spool.line_of(n, ["key"], [n]) for n in range(8)]
    path = tmp_path / "00000000000000000000-x.spool"
    path.write_bytes(b"".join(lines))
    calls = spool._calls(path, time.time_ns())
    taken = [next(calls).args[0] for _ in range(8)]
    assert taken == list(range(8)) and int(path.with_suffix(".done").read_text()) == len(b"".join(lines[:6]))
    calls.close()
    assert int(path.with_suffix(".done").read_text()) == len(b"".join(lines[:7])), "the last one may not have been made"
    assert [call.args[0] for call in spool._calls(path, time.time_ns())] == [7]
    assert list(tmp_path.iterdir()) == []


def test_a_spool_that_was_never_written_can_be_closed(tmp_path: Path) -> None:
    Spool(tmp_path / "none", ROOM).close()
    Spool(tmp_path / "none", ROOM).rest()
    assert list(tmp_path.iterdir()) == []
