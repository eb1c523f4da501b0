"""The pacer's process: one of any number leads, sums up how far flights are, and tells the workers.

Every second: what has been counted, so that leases follow it; every `CONTROL_S`: the controller; now and then,
beside all this: what is clicked where (`student`). Who leads is agreed
in the store; a leader that dies is replaced within `LEAD_MS` and a look. λ travels in the sheet to the next one.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from zoneinfo import ZoneInfo

import numpy as np
import structlog
from sqlalchemy import Engine

from adengine import places, topics
from adengine.catalog.load import paced_rows_of, version_of
from adengine.catalog.rows import flight_of, slot_of
from adengine.errors import DatabaseUnavailable, StoreUnavailable
from adengine.learning.cells import Cells
from adengine.learning.load import evidence as evidence_in
from adengine.pacing import control, load
from adengine.pacing.book import Book, book_of, delivered, sheet_of
from adengine.pacing.claims import PacingStore
from adengine.pacing.forecast import profiles_of
from adengine.pacing.leases import horizon_s
from adengine.pacing.sheet import Sheet
from adengine.pacing.student import Gather, Student, Subject
from adengine.places import Gazetteer
from adengine.settings import Settings
from adengine.store import client, sql
from adengine.topics import Taxonomy
from adengine.web import metrics

STEP_S = 1.0
CONTROL_S = 15.0
LEARN_S = 3600.0
STORE_TIMEOUT_MS = 2_000
_log = structlog.get_logger("adengine.pacer")


def run(settings: Settings) -> None:
    """Until SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    store = client.connect(settings.redis_url, timeout_ms=STORE_TIMEOUT_MS)
    Pacer(
        PacingStore(store, horizon_s(settings.hold_s)),
        sql.engine(settings.database),
        places.load(settings.data_dir),
        topics.load(),
        timezone=settings.timezone,
        holder=f"{socket.gethostname()}:{secrets.token_hex(8)}",
    ).run(stopping)
    store.close()


class Pacer:
    """One of any number; whoever leads works, the others wait."""

    def __init__(
        self,
        store: PacingStore,
        engine: Engine,
        gazetteer: Gazetteer,
        taxonomy: Taxonomy,
        *,
        timezone: str,
        holder: str,
        clock: Callable[[], float] = time.time,
        beside: Executor | None = None,
        evidence: Gather | None = None,
    ) -> None:
        """timezone: where flights' days begin.  holder: names this process, and no other.  clock: epoch s.

        beside: where learning runs; by default on a thread.  evidence: what it learns from; by default the counts.
        """
        self._store = store
        self._engine = engine
        self._gazetteer = gazetteer
        self._taxonomy = taxonomy
        self._timezone = timezone
        self._holder = holder
        self._clock = clock
        self._leads = False
        self._version: int | None = None
        self._book = Book(flights=())
        self._pacing = control.Controller()
        self._learnt_s = 0.0
        self._controlled_s = 0.0
        cells = Cells(gazetteer, taxonomy)
        self._student = Student(
            beside or ThreadPoolExecutor(1),
            evidence or (lambda versions, now_s: evidence_in(engine, versions, cells, now_s)),
        )

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping` is set. A store or database that is away is waited for."""
        while not stopping.is_set():
            try:
                self.step()
            except (StoreUnavailable, DatabaseUnavailable) as error:
                metrics.count("adengine_store_failures", "pacer")
                _log.warning("waiting", why=error.detail)
            stopping.wait(STEP_S)
        with contextlib.suppress(StoreUnavailable):
            self._store.resign(self._holder)

    def step(self) -> bool:
        """Whether this one leads; if so the sheet is as new as what was counted."""
        leads = self._store.lead(self._holder, None)
        if leads and not self._leads:
            self._take_over()
        self._leads = leads
        if leads:
            now_s = self._clock()
            self._leads = self._store.lead(self._holder, self._sheet(now_s), self._student.turn(now_s))
        return self._leads

    def _take_over(self) -> None:
        try:
            before = self._store.sheet(0)
        except ValueError:
            before = None
        self._pacing = control.Controller.resumed(before) if before is not None else control.Controller()
        self._version, self._controlled_s = None, 0.0
        self._student.begin()
        _log.info("pacing", holder=self._holder)

    def _sheet(self, now_s: float) -> Sheet:
        self._take_edit(now_s)
        totals = load.totals(self._engine, ZoneInfo(self._timezone), int(now_s), self._store.horizon_s)
        if now_s >= self._controlled_s + CONTROL_S or now_s < self._controlled_s:
            self._controlled_s = now_s
            counted = [delivered(flight, totals.of(flight.id)) for flight in self._book.flights]
            self._pacing.step(np.array(counted, np.float64), now_s)
        score, strength, gate = self._pacing.columns()
        return sheet_of(
            self._book, totals, number=int(now_s * 1000), at_s=now_s, score=score, strength=strength, gate=gate
        )

    def _take_edit(self, now_s: float) -> None:
        version = version_of(self._engine)
        if version == self._version and 0 <= now_s - self._learnt_s < LEARN_S:
            return
        rows = paced_rows_of(self._engine, int(now_s))
        campaigns = {row["id"]: row for row in rows["campaigns"]}
        self._book = book_of([flight_of(row, campaigns[row["campaign"]]) for row in rows["flights"]])
        traffic = load.traffic(self._engine, map(slot_of, rows["slots"]), self._gazetteer, self._taxonomy, int(now_s))
        profiles = profiles_of(self._book.flights, traffic, self._timezone)
        self._pacing.book(self._book.flights, profiles)
        self._student.take_edit(Subject.of(rows, self._book))
        self._version, self._learnt_s, self._controlled_s = version, now_s, 0.0
