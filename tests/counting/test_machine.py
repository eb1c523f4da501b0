"""A state machine tries to make the engine miscount, on a real Valkey and a real database, and must not succeed.

Tokens are minted, sent, sent again, sent late or to the wrong address; the consumer is stepped and crashes at its n-th
call; the store comes back empty, with its clock behind; streams are cut, hours sealed, keys rotated; beacons wait in
the spool, and its drainer dies before it can say how far it was. Whatever was acknowledged as counting is in the sums
once. Then each defence is taken away, with those that would hide it, and the machine must find the fault.
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

from adengine.counting import audit, consume, ledger, spool, streams, tables
from adengine.counting.claims import RECORD, SPOOLED, Recorder
from adengine.counting.consume import Consumer
from adengine.counting.events import fill_event
from adengine.counting.keyring import KeyRing
from adengine.counting.ledger import Batch, Ledger
from adengine.counting.metrics import Kind, Metric
from adengine.counting.spool import Spool
from adengine.counting.tokens import Opened, TokenMinter, TokenReader, age_problem
from adengine.store import keys, schema, sql
from adengine.store.client import Store, connect
from adengine.store.sql import reading, writing
from tests import stores
from tests.counting.books import a_consumer, append, drain
from tests.counting.builders import NOW_S, a_fill, a_ring, a_served
from tests.counting.test_claims import PLAIN

PARTS, EXAMPLES, SOME = 4, 500, 150
"""2000 in all; in parts, so that several processes share them."""
HOUR_S, DAY_S = 3600, 86_400
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
        self.counts: dict[Kind, set[int]] = {kind: set() for kind in Kind}
        self.invalid = self.epochs = 0
        self.is_replayed = False
        self.sealed: dict[tuple[Any, ...], int] = {}
        self.left = [10**9]
        self.spools: list[Spool] = []
        self.consumer = self._a_consumer(self.left)

    # What pages and people do

    @rule()
    def mint(self) -> None:
        served = a_served(len(self.tokens) + 1, issued_s=self.now_s)
        self.tokens.append(TokenMinter(self.rings[-1]).mint(served))

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(0, 50), kind=st.sampled_from(Kind))
    def send(self, which: int, kind: Kind) -> None:
        at = which % len(self.tokens)
        self._sent(at, kind, self._recorder(WORLD.store), self.tokens[at][kind])

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(0, 50), kind=st.sampled_from(Kind), meant=st.sampled_from(Kind))
    def send_to_the_wrong_address(self, which: int, kind: Kind, meant: Kind) -> None:
        """Whatever it answers, it says nothing of a click that a view's token is sent as one."""
        if kind is not meant:
            recorder = self._recorder(WORLD.store)
            recorder.record(recorder.open(self.tokens[which % len(self.tokens)][meant], kind), kind, PLAIN)

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(0, 50))
    def show_while_the_store_is_away(self, which: int) -> None:
        at = which % len(self.tokens)
        waiting = Spool(WORLD.folder, 2**20)
        self.spools.append(waiting)
        self._sent(at, Kind.IMPRESSION, self._recorder(WORLD.away, waiting), self.tokens[at][Kind.IMPRESSION])

    @rule(died=st.booleans())
    def drain_the_spool(self, died: bool) -> None:
        """died: before it could say how far it was."""
        for each in self.spools:
            each.close()
        copy = WORLD.folder.with_suffix(".copy")
        if died and self.forgetful and WORLD.folder.exists():
            shutil.copytree(WORLD.folder, copy, dirs_exist_ok=True)
        spool.drain(WORLD.folder, WORLD.store, RECORD)
        if copy.exists():
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
        self.mint()
        self._sent(
            len(self.tokens) - 1, Kind.IMPRESSION, self._recorder(WORLD.store), self.tokens[-1][Kind.IMPRESSION]
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
                entry = fill_event(a_fill(10**6 + bucket, at_s=self.now_s))
                self.epochs += 1
                epoch = b"epoch %d" % self.epochs
                append(WORLD.store, entry, bucket=bucket, epoch=epoch, ids=(f"{newest + AHEAD_MS * 10**4}-1",))
            drain(self.consumer)
        WORLD.store.across([("FLUSHALL", "SYNC")])

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
        invalid = self._sum(INVALID)
        assert invalid >= self.invalid if self.is_replayed else invalid == self.invalid
        if self.audits:
            violated = [finding for finding in audit.run(WORLD.engine, WORLD.store) if not finding.holds]
            assert violated == []

    def _sent(self, at: int, kind: Kind, recorder: Recorder, token: str) -> None:
        opened = recorder.open(token, kind)
        reason = recorder.record(opened, kind, PLAIN)
        if reason == SPOOLED:
            assert opened.served is not None
            self.is_replayed = True  # it may turn out to be a copy, one that the store knows or not
            reason = age_problem(opened.served, kind, self.now_s)
        if not reason:
            self.is_replayed |= at in self.counts[kind]
            self.counts[kind].add(at)
        elif reason not in UNRECORDED:
            self.invalid += 1

    def _recorder(self, store: Store, waiting: Spool | None = None) -> Recorder:
        reader = type(self).make_reader(self.rings[-1])
        return Recorder(
            store, reader, lambda: None, hold_s=60, spool=waiting, clock=lambda: self.now_s,
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
