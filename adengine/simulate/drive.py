"""One simulated engine: a worker, a consumer and a pacer, all of production, on a clock that runs as fast as they work.

Real stores underneath: a Valkey and an SQLite of their own. What differs from an engine that serves: nothing is sent by
HTTP, and what the other processes do every second is done every so many simulated ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from adengine.caps.claims import ReaderLog
from adengine.catalog.compile import compile_snapshot
from adengine.catalog.known import Known
from adengine.catalog.load import rows_of
from adengine.catalog.nouns import Key, Scope
from adengine.catalog.rows import catalogue_of
from adengine.catalog.snapshot import Snapshot
from adengine.counting.claims import Recorder
from adengine.counting.consume import Consumer
from adengine.counting.keyring import key_ring
from adengine.counting.ledger import Ledger
from adengine.counting.metrics import Kind
from adengine.counting.tokens import PURPOSE, TokenMinter, TokenReader
from adengine.pacing.claims import PacingStore
from adengine.pacing.lead import Pacer
from adengine.pacing.leases import horizon_s
from adengine.pacing.student import Gather
from adengine.pacing.turns import Turns
from adengine.pacing.watch import PaceWatcher
from adengine.serving.api import moment_of
from adengine.serving.fill import Filler
from adengine.serving.outside import Outside, Terms
from adengine.serving.pace import Paces
from adengine.serving.readers import ReaderIds
from adengine.serving.request import parse
from adengine.store.client import Store
from adengine.web import request_ids

HOLD_S = 60
KEEP_S = 3600
SECRET = "a simulation hides its readers from nobody"
PATIENT_MS = 60_000
"""A simulation waits for its store."""
HOLDER = "simulation"
KEY = Key(id=0, name=HOLDER, scopes=frozenset({Scope.FILL}), site=None, advertiser=None)


@dataclass
class Clock:
    now_s: float

    def __call__(self) -> float:
        return self.now_s

    def whole(self) -> int:
        return int(self.now_s)


class AtOnce(Executor):
    """Runs what it is given, so that a simulation does not depend on threads."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*args, **kwargs))
        return done


class Drive:
    """`fill` answers a page, `see` and `click` are what browsers report; all happen at `clock`."""

    database_ok = True

    def __init__(
        self,
        engine: Engine,
        store: Store,
        shipped: Known,
        timezone: str,
        clock: Clock,
        evidence: Gather | None = None,
    ) -> None:
        """evidence: what the pacer learns clicks from; by default the counts."""
        self.engine, self.store, self.shipped, self.timezone, self.clock = engine, store, shipped, timezone, clock
        ring = key_ring(PURPOSE, SECRET)
        pacing = PacingStore(store, horizon_s(HOLD_S), clock=clock.whole)
        trees = shipped.gazetteer, shipped.taxonomy
        self._snapshot = self._compiled(self.clock.whole())
        self._watcher = PaceWatcher(pacing, monotonic=clock)
        self._pacer = Pacer(
            pacing, engine, *trees, timezone=timezone, holder=HOLDER, clock=clock, beside=AtOnce(), evidence=evidence
        )
        self._consumer = Consumer(
            store, Ledger(engine, timezone), holder=HOLDER, keep_s=KEEP_S, clock=clock, trim_s=math.inf
        )
        self._recorder = Recorder(
            store, TokenReader(ring), self.current, hold_s=HOLD_S, clock=clock, recorded_at=clock.whole
        )
        reader_log = ReaderLog(store, clock=clock.whole)
        self._filler = Filler(
            outside=Outside(
                snapshots=self,
                reader_log=reader_log,
                wagers=reader_log,
                reader_ids=ReaderIds(SECRET),
                paces=Paces(self._watcher.sheet, self._watcher.leases, Turns(), self._watcher.learnt),
                monotonic=clock,
            ),
            minter=TokenMinter(ring),
            gazetteer=trees[0],
            taxonomy=trees[1],
            terms=Terms("", HOLD_S, PATIENT_MS, PATIENT_MS),
        )
        self._pages = 0

    def current(self) -> Snapshot:
        return self._snapshot

    def as_of(self, now_s: int) -> Snapshot:
        """Of a page in a log of requests that asked for another time than its own."""
        return self._snapshot if self._snapshot.guards_as_of(now_s) else self._compiled(now_s)

    def step(self) -> None:
        """What the other processes do meanwhile: count, pace, look for edits."""
        while self._consumer.step():
            pass
        self._pacer.step()
        self._watcher.round()
        bound_s = self._snapshot.next_boundary_s
        if bound_s is not None and self.clock() >= bound_s:
            self._snapshot = self._compiled(self.clock.whole())

    def fill(self, body: bytes) -> dict[str, Any]:
        """The answer to a page. Raises `Invalid` for what is no request."""
        asked = parse(body)
        self._watcher.round()
        self._pages += 1
        request = request_ids.ulid(self.clock.whole() * 1000, self._pages.to_bytes(10, "big"))
        return self._filler.fill(asked, KEY, moment_of(asked, self.clock.whole(), request)).document

    def see(self, fill: dict[str, Any]) -> bool:
        """Whether the impression counts."""
        return not self._report(fill["impression_url"], Kind.IMPRESSION)

    def click(self, fill: dict[str, Any]) -> bool:
        return not self._report(fill["click_url"], Kind.CLICK)

    def _report(self, url: str, kind: Kind) -> str:
        return self._recorder.record(self._recorder.open(url.rsplit("/", 1)[1], kind), kind)

    def _compiled(self, now_s: int) -> Snapshot:
        return compile_snapshot(catalogue_of(rows_of(self.engine, now_s)), now_s)
