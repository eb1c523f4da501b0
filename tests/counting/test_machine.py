"""A state machine tries to make the engine miscount, on a real Valkey and a real database, and must not succeed.

Pages are filled, with holds and without; their tokens are sent, sent again, in any order, late or to the wrong address;
flights are archived and come back; the consumer is stepped and crashes at its n-th call; the store comes back empty,
with its clock behind; streams are cut, hours sealed, keys rotated; beacons wait in the spools of two workers, and their
drainer dies before it can say how far it was. Whatever was acknowledged as counting is in the sums once, what was
spooled is judged as if it had come when it is drained, and each fill counts once. Then each defence is taken away, with
those that would hide it, and the machine must find the fault.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, delete, event, func, select

from adengine.caps.claims import Pick, ReaderLog
from adengine.counting import audit, consume, ledger, spool, streams, tables
from adengine.counting.claims import RECORD, SPOOLED, Recorder
from adengine.counting.consume import Consumer
from adengine.counting.keyring import KeyRing
from adengine.counting.ledger import Batch, Ledger
from adengine.counting.metrics import Kind, Metric
from adengine.counting.spool import Spool
from adengine.counting.tokens import Opened, Served, TokenMinter, TokenReader, age_problem
from adengine.store import keys, schema, sql
from adengine.store.client import Store, connect
from adengine.store.sql import reading, writing
from tests import stores
from tests.builders import a_creative, a_flight, a_snapshot
from tests.counting.books import a_consumer, append, drain
from tests.counting.builders import NOW_S, a_fill, a_ring, a_served, event_of
from tests.counting.test_claims import PLAIN

PARTS, EXAMPLES, SOME = 4, 500, 150
"""2000 in all; in parts, so that several processes share them."""
HOUR_S, DAY_S, HOLD_S = 3600, 86_400, 60
LIVE = a_snapshot(a_flight(3), creatives=(a_creative(4, version=5),))
ARCHIVED = a_snapshot(a_flight(7), creatives=(a_creative(4, version=5),))
AHEAD_MS = 10**9
"""How far the store's clock was ahead before it came back empty."""
COUNTED = {Kind.IMPRESSION: Metric.IMPRESSION, Kind.VIEWABLE: Metric.VIEWABLE, Kind.CLICK: Metric.CLICK}
INVALID = (Metric.INVALID_IMPRESSION, Metric.INVALID_VIEWABLE, Metric.INVALID_CLICK)
UNRECORDED = ("forged", "unknown_key")
BOOKS = (
    tables.seen, tables.rollup, tables.stream_offset, tables.dead_letter, tables.flight_day, tables.flight_leased,
    tables.reached, tables.adjustment, tables.hour_seal, tables.consumer_lease,
)  # fmt: skip


class Crash(Exception):
    """A process dies here."""


class Fused:
    """Something whose n-th call, before it or behind it, is the last thing that its process does."""

    def __init__(self, thing: Any, left: list[int]) -> None:
        self._thing = thing
        self._left = left

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._thing, name)
        if not callable(own):
            return own

        def called(*args: Any, **kwargs: Any) -> Any:
            burn(self._left)
            found = own(*args, **kwargs)
            burn(self._left)
            return found

        return called


def burn(left: list[int]) -> None:
    left[0] -= 1
    if left[0] < 0:
        raise Crash


class World:
    """The stores of all examples, one after another."""

    store: Store
    away: Store
    engine: Engine
    folder: Path


WORLD = World()


class Counting(RuleBasedStateMachine):
    make_ledger: Callable[[Engine, list[int]], Ledger] = staticmethod(lambda engine, _: Ledger(engine))
    make_reader: Callable[[KeyRing], TokenReader] = TokenReader
    audits = True
    forgetful = True
    """Whether the store may come back empty and the spool be drained twice: the unique key is all that helps then."""

    def __init__(self) -> None:
        super().__init__()
        WORLD.store.across([("FLUSHALL", "SYNC")])
        with writing(WORLD.engine) as connection:
            for table in BOOKS:
                connection.execute(delete(table))
        shutil.rmtree(WORLD.folder, ignore_errors=True)
        self.now_s = NOW_S
        self.rings = [a_ring()]
        self.tokens: list[dict[Kind, str]] = []
        self.facts: list[Served] = []
        self.fills: set[int] = set()
        self.holds: dict[int, int] = {}
        """Token -> its hold's deadline, as far as the store still has it."""
        self.recorded: dict[Kind, set[int]] = {kind: set() for kind in Kind}
        """What the store remembers to have had, and of that, below, what was late."""
        self.lapsed: set[int] = set()
        self.late: set[tuple[int, Kind]] = set()
        self.waiting: list[tuple[int, Kind, str, int]] = []
        """In the spools, as they came: token, kind, what is wrong with it in any case, when it came."""
        self.is_archived = False
        self.counts: dict[Kind, set[int]] = {kind: set() for kind in Kind}
        self.invalid = self.epochs = 0
        self.is_replayed = False
        self.sealed: dict[tuple[Any, ...], int] = {}
        self.left = [10**9]
        self.spools = [Spool(WORLD.folder, 2**20) for _ in range(2)]
        self.consumer = self._a_consumer(self.left)

    # What pages and people do

    @rule(held=st.booleans())
    def fill(self, held: bool) -> None:
        number = len(self.tokens) + 1
        reader = bytes([number, *b"7letter"]) if held else None
        served = a_served(number, issued_s=self.now_s, held=held, reader=reader)
        picks = [Pick(creative=served.creative, flight=served.flight, campaign=1, advertiser=1)] if held else []
        ReaderLog(WORLD.store).reserve(
            reader, picks, bucket=number, view=served.view, hold_s=HOLD_S, retention_s=10**6, now_s=self.now_s,
            event=event_of(a_fill(number, at_s=self.now_s)),
        )  # fmt: skip
        if held:
            self.holds[number - 1] = self.now_s + HOLD_S
        self.fills.add(number)
        self.facts.append(served)
        self.tokens.append(TokenMinter(self.rings[-1]).mint(served))

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(0, 50), kind=st.sampled_from(Kind))
    def send(self, which: int, kind: Kind) -> None:
        at = which % len(self.tokens)
        self._sent(at, kind, self._recorder(WORLD.store, which), self.tokens[at][kind])

    @rule()
    def archive_the_flight_or_bring_it_back(self) -> None:
        self.is_archived = not self.is_archived

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(0, 50), kind=st.sampled_from(Kind), meant=st.sampled_from(Kind))
    def send_to_the_wrong_address(self, which: int, kind: Kind, meant: Kind) -> None:
        """Whatever it answers, it says nothing of a click that a view's token is sent as one."""
        if kind is not meant:
            recorder = self._recorder(WORLD.store)
            recorder.record(recorder.open(self.tokens[which % len(self.tokens)][meant], kind), kind, PLAIN)

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(0, 50), kind=st.sampled_from(Kind))
    def send_while_the_store_is_away(self, which: int, kind: Kind) -> None:
        at = which % len(self.tokens)
        self._sent(at, kind, self._recorder(WORLD.away, which), self.tokens[at][kind])

    @rule(died=st.booleans())
    def drain_the_spool(self, died: bool) -> None:
        """died: before it could say how far it was."""
        for each in self.spools:
            each.close()
        copy = WORLD.folder.with_suffix(".copy")
        if died and self.forgetful and WORLD.folder.exists():
            shutil.copytree(WORLD.folder, copy, dirs_exist_ok=True)
        spool.drain(WORLD.folder, WORLD.store, RECORD)
        for at, kind, problem, came_s in self.waiting:
            self._acknowledged(at, kind, self._judged(at, kind, problem, came_s))
        if not copy.exists():
            self.waiting = []
        else:
            shutil.rmtree(WORLD.folder)
            copy.rename(WORLD.folder)
            self.is_replayed = True

    @rule()
    def rotate_keys(self) -> None:
        if len(self.rings) < 3:
            older = ["a secret of the tests, long enough 0123456789", *(f"another secret {n:032}" for n in range(3))]
            known = older[: len(self.rings) + 1]
            self.rings.append(a_ring(*known[:-1][::-1], secret=known[-1]))

    # What machines do

    @rule(by_s=st.sampled_from([-120, 1, 600, 3 * HOUR_S, 27 * HOUR_S]))
    def clocks_go(self, by_s: int) -> None:
        self.now_s += by_s

    @rule()
    def consume(self) -> None:
        self.consumer.step()

    @rule(at=st.integers(0, 14))
    def crash_while_consuming(self, at: int) -> None:
        """The process dies at that call, with something to be read; another one takes over."""
        self.fill(held=False)
        self._sent(
            len(self.tokens) - 1, Kind.IMPRESSION, self._recorder(WORLD.store, 0), self.tokens[-1][Kind.IMPRESSION]
        )  # fmt: skip
        self.left[0] = at
        try:
            for _ in range(3):
                self.consumer.step()
        except Crash:
            pass
        self.left = [10**9]
        self.consumer = self._a_consumer(self.left)

    @rule()
    def cut_the_streams(self) -> None:
        streams.trim(WORLD.store, Ledger(WORLD.engine).offsets(), 2**60)

    @precondition(lambda self: self.forgetful)
    @rule(was_ahead=st.booleans())
    def come_back_empty(self, was_ahead: bool) -> None:
        """What was not read by then would be lost; that is what a store on a disk is for."""
        drain(self.consumer)
        if was_ahead:
            for bucket in range(1, len(self.tokens) + 1):
                there = streams.standing(WORLD.store).get(bucket)
                newest = there.last.ms if there is not None else 0
                entry = event_of(a_fill(10**6 + bucket, at_s=self.now_s))
                self.fills.add(10**6 + bucket)
                self.epochs += 1
                epoch = b"epoch %d" % self.epochs
                append(WORLD.store, entry, bucket=bucket, epoch=epoch, ids=(f"{newest + AHEAD_MS * 10**4}-1",))
            drain(self.consumer)
        WORLD.store.across([("FLUSHALL", "SYNC")])
        self.holds, self.recorded, self.lapsed = {}, {kind: set() for kind in Kind}, set()

    @rule()
    def seal(self) -> None:
        drain(self.consumer)
        books, fence = Ledger(WORLD.engine), self.consumer._fence
        assert fence is not None
        books.renew(fence, self.now_s, self.now_s)
        books.seal(fence, self.now_s)
        self.sealed = self._sealed_rows()

    # What must be true

    @invariant()
    def sealed_hours_stay_as_they_are(self) -> None:
        now = self._sealed_rows() if self.sealed else {}
        assert {cell: now.get(cell) for cell in self.sealed} == self.sealed

    def teardown(self) -> None:
        self.drain_the_spool(died=False)
        self.left[0] = 10**9
        drain(self.consumer)
        counted = {kind: self._sum((metric,)) for kind, metric in COUNTED.items()}
        assert counted == {kind: len(self.counts[kind]) for kind in Kind}
        assert self._sum((Metric.FILL,)) == len(self.fills)
        invalid = self._sum(INVALID)
        assert invalid >= self.invalid if self.is_replayed else invalid == self.invalid
        if self.audits:
            violated = [finding for finding in audit.run(WORLD.engine, WORLD.store) if not finding.holds]
            assert violated == []

    def _sent(self, at: int, kind: Kind, recorder: Recorder, token: str) -> None:
        opened = recorder.open(token, kind)
        reason = recorder.record(opened, kind, PLAIN)
        if reason == SPOOLED:
            problem = age_problem(self.facts[at], kind, self.now_s)
            self.waiting.append((at, kind, problem or "not_billable" * self.is_archived, self.now_s))
        elif reason not in UNRECORDED:
            self._acknowledged(at, kind, reason)

    def _judged(self, at: int, kind: Kind, problem: str, came_s: int) -> str:
        """What the store must say of a beacon that waited, by what it remembers."""
        if problem in ("", "not_billable") and kind is not Kind.IMPRESSION and at not in self.recorded[Kind.IMPRESSION]:
            return "no_impression"
        if problem or at in self.recorded[kind]:
            return problem or "duplicate"
        if kind is not Kind.IMPRESSION:
            return "late" if at in self.lapsed else ""
        return "late" if self.facts[at].held and self.holds.get(at, 0) < came_s else ""

    def _acknowledged(self, at: int, kind: Kind, reason: str) -> None:
        if reason in ("", "late"):
            self.recorded[kind].add(at)
        if not reason:
            self.is_replayed |= at in self.counts[kind]
            self.counts[kind].add(at)
        elif reason != "late":
            self.invalid += 1
        else:
            if kind is Kind.IMPRESSION:
                self.lapsed.add(at)
            if (at, kind) not in self.late and at not in self.counts[kind]:
                self.invalid += 1
            self.late.add((at, kind))

    def _recorder(self, store: Store, which: int = 0) -> Recorder:
        """which: of the workers."""
        reader = type(self).make_reader(self.rings[-1])
        snapshot = ARCHIVED if self.is_archived else LIVE
        return Recorder(
            store, reader, lambda: snapshot, hold_s=HOLD_S, spool=self.spools[which % 2], clock=lambda: self.now_s,
            recorded_at=lambda: self.now_s,
        )  # fmt: skip

    def _a_consumer(self, left: list[int]) -> consume.Consumer:
        made = a_consumer(WORLD.store, WORLD.engine, clock=lambda: self.now_s, trim_s=10**9)
        made._store = Fused(WORLD.store, left)
        made._ledger = Fused(type(self).make_ledger(WORLD.engine, left), left)  # type: ignore[assignment]
        return made

    def _sum(self, metrics: tuple[Metric, ...]) -> int:
        query = select(func.sum(tables.rollup.c.n)).where(tables.rollup.c.metric.in_(metrics))
        with reading(WORLD.engine) as connection:
            return int(connection.scalar(query) or 0)

    def _sealed_rows(self) -> dict[tuple[Any, ...], int]:
        key = [column for column in tables.rollup.primary_key if column.name != "adjustment"]
        with reading(WORLD.engine) as connection:
            until_s = connection.scalar(select(func.max(tables.hour_seal.c.hour_s)))
            rows = select(tables.rollup.c.n, *key).where(
                tables.rollup.c.adjustment == 0, tables.rollup.c.quarter_s < (until_s or 0) + HOUR_S
            )
            return {tuple(row[1:]): row[0] for row in connection.execute(rows)} if until_s is not None else {}


@pytest.fixture(scope="module", autouse=True)
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("machine")
    with stores.server(stores.VALKEY, folder / "store") as (url, _):
        WORLD.store = connect(url, timeout_ms=5_000)
        WORLD.away = connect(f"redis://127.0.0.1:{stores.free_port()}", timeout_ms=50)
        WORLD.engine = sql.engine(f"sqlite:///{folder / 'books.sqlite3'}", create=True)
        WORLD.folder = folder / "spool"
        schema.upgrade(WORLD.engine)
        WORLD.engine.dispose()
        event.listen(WORLD.engine, "connect", lambda made, _: made.execute("PRAGMA synchronous=OFF"))
        yield
        WORLD.store.close()
        WORLD.away.close()
        WORLD.engine.dispose()


def tried(machine: type[Counting], examples: int, part: int = 0) -> None:
    """Raises what the machine finds.  part: other examples."""
    made = type(f"Part{part}", (machine,), {})
    run_state_machine_as_test(
        made,
        settings=settings(
            max_examples=examples, stateful_step_count=14, deadline=None, database=None, derandomize=True,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck), print_blob=False,
        ),
    )  # fmt: skip


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_makes_it_miscount(part: int) -> None:
    tried(Counting, EXAMPLES, part)


class TornLedger(Ledger):
    """Moves its offset on in a transaction of its own, behind that which counts."""

    def __init__(self, engine: Engine, left: list[int]) -> None:
        super().__init__(engine)
        self._left = left

    def post(self, batch: Batch, fence: int, now_s: int) -> int:
        fresh = super().post(replace(batch, passages={}), fence, now_s)
        burn(self._left)
        return fresh + super().post(replace(batch, postings=(), dead=()), fence, now_s)


class LooseReader(TokenReader):
    """Takes a token of any kind for that which is asked for."""

    def read(self, text: str, kind: Kind) -> Opened:
        read = (super(LooseReader, self).read(text, each) for each in Kind)
        return next((opened for opened in read if opened.served is not None), super().read(text, Kind.IMPRESSION))


class Unaudited(Counting):
    """What is found must be a wrong count: the audit would see the missing defence itself."""

    audits = False


class NothingForgotten(Unaudited):
    forgetful = False


class Torn(NothingForgotten):
    make_ledger = TornLedger


class AnyKind(Unaudited):
    make_reader = LooseReader


class CutToTheEnd(Unaudited):
    @rule()
    def cut_the_streams(self) -> None:
        WORLD.store.across([("XTRIM", keys.stream(bucket), "MAXLEN", "0") for bucket in range(keys.BUCKETS)])


def without_the_unique_key(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger, "_judged", lambda _, postings: list(postings))


def without_reading_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(consume, "_stepped_back", lambda offset: offset)


def without_the_epoch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Consumer, "_continues", lambda _self, portion, _cursors: bool(portion.epoch or not portion.entries))


def test_without_the_unique_key_it_miscounts(monkeypatch: pytest.MonkeyPatch) -> None:
    without_the_unique_key(monkeypatch)
    found(Unaudited)


def test_without_the_offset_in_the_transaction_it_miscounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unique key would hide it, and so must be off; with the offset in place all is well without it."""
    without_the_unique_key(monkeypatch)
    without_reading_again(monkeypatch)
    tried(NothingForgotten, SOME)
    found(Torn)


def test_without_the_epoch_it_miscounts(monkeypatch: pytest.MonkeyPatch) -> None:
    without_the_epoch(monkeypatch)
    found(Unaudited)


def test_when_streams_are_cut_before_they_are_counted_it_miscounts() -> None:
    found(CutToTheEnd)


def test_without_the_kind_under_the_mac_it_miscounts() -> None:
    found(AnyKind)


def found(machine: type[Counting]) -> None:
    with pytest.raises(AssertionError, match=r"IMPRESSION|VIEWABLE|CLICK|sealed|invalid"):
        tried(machine, EXAMPLES)
