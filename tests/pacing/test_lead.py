"""One pacer leads, another takes over, and workers go on with the last sheet meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from adengine import places, topics
from adengine.counting.metrics import Kind
from adengine.learning.cells import EVERYWHERE
from adengine.learning.learnt import Learnt
from adengine.pacing.claims import LEAD_MS, PacingStore
from adengine.pacing.lead import CONTROL_S, Pacer
from adengine.pacing.leases import horizon_s
from adengine.pacing.sheet import OPEN, REACHED, Sheet
from adengine.pacing.student import EDITED_S, RELEARN_S
from adengine.pacing.watch import SHEET_S, PaceWatcher
from adengine.places import Gazetteer
from adengine.store import keys
from adengine.store.client import Store, connect
from tests import stores
from tests.catalog.desk import Desk
from tests.counting.books import a_consumer, append, beacon_event, body_of, drain
from tests.eventually import eventually

HORIZON_S = horizon_s(60)
NOW_S = 1_757_203_200


@pytest.fixture(scope="session")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    return places.load(tmp_path_factory.getbasetemp().parent / "places")


class Clock:
    now_s = float(NOW_S)

    def __call__(self) -> float:
        return self.now_s


def a_pacer(store: Store, engine: Engine, gazetteer: Gazetteer, holder: str, clock: Callable[[], float]) -> Pacer:
    return Pacer(
        PacingStore(store, HORIZON_S), engine, gazetteer, topics.load(), timezone="UTC", holder=holder, clock=clock
    )


def booked(engine: Engine, gazetteer: Gazetteer, **fields: object) -> int:
    span = {"starts_at": "2025-09-06T00:00:00Z", "ends_at": "2025-09-16T00:00:00Z"}
    return int(Desk(engine, gazetteer).a_flight(**span | fields)["id"][4:])


def the_sheet(store: Store) -> Sheet:
    sheet = PacingStore(store, HORIZON_S).sheet(0)
    assert sheet is not None
    return sheet


def test_the_leader_publishes_what_was_counted(store: Store, engine: Engine, gazetteer: Gazetteer) -> None:
    clock = Clock()
    flight = booked(engine, gazetteer, goal={"impressions": 3}, pacing="asap")
    booked(engine, gazetteer)
    pacer = a_pacer(store, engine, gazetteer, "one", clock)
    assert pacer.step()
    first = the_sheet(store)
    assert (first.flight.tolist(), first.left.tolist()) == ([flight], [3]) and first.flags[0] & OPEN
    append(store, *(beacon_event(body_of(Kind.IMPRESSION, request=n, flight=flight), at_s=NOW_S) for n in range(3)))
    drain(a_consumer(store, engine, clock=clock))
    clock.now_s += 1
    assert pacer.step()
    last = the_sheet(store)
    assert last.number > first.number and last.flags[0] & REACHED and not last.flags[0] & OPEN
    assert last.tau_s >= NOW_S and last.left.tolist() == [0]


def test_the_leader_learns_what_is_clicked_and_workers_take_it_up(
    store: Store, engine: Engine, gazetteer: Gazetteer
) -> None:
    """On a thread of its own; anew at once after an edit, else every ten minutes."""
    clock = Clock()
    desk = Desk(engine, gazetteer)
    campaign = desk.a_campaign(rotation="optimise")
    flight = booked(engine, gazetteer, campaign=campaign["id"], goal={"impressions": 10**6})
    creatives = [int(desk.an_approved(campaign=campaign["id"])["id"][4:]) for _ in range(2)]
    worker = PaceWatcher(PacingStore(store, HORIZON_S), monotonic=clock)
    pacer = a_pacer(store, engine, gazetteer, "one", clock)

    def learnt_anew() -> Learnt:
        def taken_up() -> Learnt | None:
            clock.now_s += 1
            assert pacer.step()
            worker.round()
            learnt = worker.learnt()
            return learnt if learnt.number > before else None

        before = worker.learnt().number
        return eventually(taken_up, within_s=10)

    first = learnt_anew()
    assert first.chances[EVERYWHERE] == pytest.approx(dict.fromkeys(creatives, 0.5), abs=0.15) and not first.worths
    one, two = creatives
    seen = {"flight": flight, "version": 1, "topic": 0, "place": 0}
    events = [
        beacon_event(body_of(kind, request=1000 * creative + n, creative=creative, **seen), at_s=NOW_S)
        for creative, kind, number in ((one, Kind.IMPRESSION, 300), (two, Kind.IMPRESSION, 300), (two, Kind.CLICK, 60))
        for n in range(number)
    ]
    append(store, *events)
    drain(a_consumer(store, engine, clock=clock))
    clock.now_s += 300
    assert pacer.step() and worker.learnt() is first, "not yet time to learn again"
    clock.now_s += RELEARN_S
    last = learnt_anew()
    assert last.chances[EVERYWHERE][two] > 0.9 and set(last.worths[EVERYWHERE]) == {int(campaign["id"][4:])}
    desk.an_approved(campaign=campaign["id"])
    clock.now_s += EDITED_S
    assert len(learnt_anew().chances[EVERYWHERE]) == 3


def test_an_edit_is_taken_up_at_the_next_step(valkey: Store, sqlite_engine: Engine, gazetteer: Gazetteer) -> None:
    clock = Clock()
    pacer = a_pacer(valkey, sqlite_engine, gazetteer, "one", clock)
    assert pacer.step() and len(the_sheet(valkey).flight) == 0
    flight = booked(sqlite_engine, gazetteer, daily_limit=50)
    clock.now_s += 1
    pacer.step()
    assert the_sheet(valkey).flight.tolist() == [flight]


def test_another_one_takes_over_when_the_leader_is_silent_and_goes_on_with_his_strengths(
    valkey: Store, sqlite_engine: Engine, gazetteer: Gazetteer
) -> None:
    clock = Clock()
    booked(sqlite_engine, gazetteer, goal={"impressions": 1000})
    one, two = (a_pacer(valkey, sqlite_engine, gazetteer, name, clock) for name in ("one", "two"))
    assert one.step() and not two.step()
    for _ in range(20):
        clock.now_s += CONTROL_S
        assert one.step() and not two.step()
    strength = the_sheet(valkey).strength[0]
    assert strength > 0, "a day behind and nothing delivered"
    taken = eventually(two.step, within_s=LEAD_MS / 1000 + 2)
    assert taken and the_sheet(valkey).strength[0] == pytest.approx(strength, abs=0.02)
    before = the_sheet(valkey).number
    clock.now_s += 1
    assert not one.step(), "who was replaced while he slept publishes nothing"
    assert the_sheet(valkey).number == before


def test_who_resigns_is_replaced_at_once(valkey: Store, sqlite_engine: Engine, gazetteer: Gazetteer) -> None:
    one, two = (a_pacer(valkey, sqlite_engine, gazetteer, name, Clock()) for name in ("one", "two"))
    assert one.step()
    PacingStore(valkey, HORIZON_S).resign("one")
    assert two.step() and not one.step()


def test_a_worker_keeps_the_last_sheet_while_there_is_no_pacer_and_no_store(
    sqlite_engine: Engine, gazetteer: Gazetteer, tmp_path: Path
) -> None:
    flight = booked(sqlite_engine, gazetteer, goal={"impressions": 1000}, pacing="asap")
    port = stores.free_port()
    with stores.server(stores.VALKEY, tmp_path, port=port) as (url, _):
        store = connect(url, timeout_ms=stores.PATIENT_MS)
        assert a_pacer(store, sqlite_engine, gazetteer, "one", Clock()).step()
        watcher = PaceWatcher(PacingStore(store, HORIZON_S))
        watcher.start()
        eventually(lambda: watcher.leases.take(flight))
        known = watcher.sheet()
    assert watcher.sheet() is known and known.flight.tolist() == [flight]
    with stores.server(stores.VALKEY, tmp_path, port=port):
        eventually(lambda: store.read(("GET", keys.SHEET_NUMBER)) == [str(known.number).encode()])
        assert watcher.sheet() is known
        watcher.stop()


def test_pages_keep_their_sheet_while_newer_ones_say_the_same_to_them(
    valkey: Store, sqlite_engine: Engine, gazetteer: Gazetteer
) -> None:
    """One comes every second; what is kept for kinds of pages would be worked out anew each time."""
    first = booked(sqlite_engine, gazetteer, goal={"impressions": 1000}, pacing="asap")
    clock, now_s = Clock(), itertools.count(0.0, SHEET_S)
    pacer = a_pacer(valkey, sqlite_engine, gazetteer, "one", clock)
    watcher = PaceWatcher(PacingStore(valkey, HORIZON_S), monotonic=lambda: next(now_s))
    assert pacer.step()
    watcher.round()
    before, shown = the_sheet(valkey).number, watcher.sheet()
    clock.now_s += 1
    assert pacer.step() and the_sheet(valkey).number > before
    watcher.round()
    assert watcher.sheet() is shown
    second = booked(sqlite_engine, gazetteer, goal={"impressions": 1000}, pacing="asap")
    clock.now_s += 1
    assert pacer.step()
    watcher.round()
    assert shown.flight.tolist() == [first] and watcher.sheet().flight.tolist() == [first, second]


def test_a_worker_that_stops_hands_back_what_it_leased(
    valkey: Store, sqlite_engine: Engine, gazetteer: Gazetteer
) -> None:
    flight = booked(sqlite_engine, gazetteer, goal={"impressions": 1}, pacing="asap")
    drain(a_consumer(valkey, sqlite_engine))
    assert a_pacer(valkey, sqlite_engine, gazetteer, "one", Clock()).step()
    first, second = (PaceWatcher(PacingStore(valkey, HORIZON_S)) for _ in range(2))
    first.round()
    assert all(map(first.leases.is_ready, first.leases.indices([flight]).tolist()))
    second.round()
    assert second.leases.take(flight) is None, "leased twice"
    first.stop()
    second.leases = type(second.leases)(second._monotonic)
    second.round()
    assert second.leases.take(flight) is not None
