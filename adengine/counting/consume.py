"""The consumer: takes events from the bucket streams into the rollups, each exactly once. `serve` keeps one running.

Order: read → `seen`, sums and offset in one transaction → commit → only then trim, and never nearer than `keep_s`.
It may be killed anywhere: what was not committed is read again, what was committed is known to `seen`.
"""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from adengine.counting import streams
from adengine.counting.ledger import Batch, LeaseLost, Ledger, Offset
from adengine.counting.postings import StreamId
from adengine.counting.retention import KEEPS, Keeping
from adengine.counting.streams import ZERO, Portion
from adengine.counting.traffic import load as traffic
from adengine.counting.traffic.rules import Rules
from adengine.errors import DatabaseUnavailable, StoreUnavailable
from adengine.settings import Settings
from adengine.store import client, sql
from adengine.web import metrics

IDLE_S = 0.2
WAIT_S = 0.5
"""Between two attempts while a store is away, or another consumer alive."""
RENEW_S = 2
TRIM_S = 30
OVERLAP_MS = 10_000
"""Read again after every interruption: a promoted replica may have lost its last entries, and its clock be behind."""
STORE_TIMEOUT_MS = 5_000
"""Nobody waits for the consumer, and a reading may be large."""
_log = structlog.get_logger("adengine.consumer")


def run(settings: Settings) -> None:  # pragma: no cover: a process of its own, in tests/live and the crash loop
    """The consumer's process, until SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    store = client.connect(settings.redis_url, timeout_ms=STORE_TIMEOUT_MS)
    rules = traffic.load(settings.traffic_rules)
    keeps_events = settings.events_keep_days > 0
    Consumer(
        store,
        Ledger(
            sql.engine(settings.database), settings.timezone, keeps_events=keeps_events, keeping=keeping_of(settings)
        ),
        holder=holder_of(settings),
        keep_s=settings.stream_keep_s,
        rules=rules,
    ).run(stopping)
    store.close()


def keeping_of(settings: Settings) -> Keeping:
    return Keeping(**{keep.field: getattr(settings, keep.setting) for keep in KEEPS})


def holder_of(settings: Settings) -> str:
    """This machine and data directory, as the lease names who counts."""
    return f"{socket.gethostname()}:{settings.data_dir.resolve()}"


class Consumer:
    """One of any number; whoever holds the lease works, the others wait."""

    def __init__(
        self,
        store: client.Store,
        ledger: Ledger,
        *,
        holder: str,
        keep_s: int,
        clock: Callable[[], float] = time.time,
        trim_s: float = TRIM_S,
        rules: Rules | None = None,
    ) -> None:
        """holder: names this machine and data directory.  keep_s: how long counted events stay in their streams.

        trim_s: between two times that the streams are cut.  rules: of invalid traffic, to be kept with their time.
        """
        self._rules = rules
        self._trim_s = trim_s
        self._store = store
        self._ledger = ledger
        self._holder = holder
        self._keep_s = keep_s
        self._clock = clock
        self._fence: int | None = None
        self._cursors: dict[int, Offset] | None = None
        """How far each bucket was read and committed; None: to be taken up from the rollups."""
        self._drained_s = 0.0
        """Everything recorded before is in the rollups."""
        self._renewed_s = 0.0
        self._trimmed_s = clock()

    def run(self, stopping: threading.Event) -> None:
        """Works until `stopping` is set. A store or database that is away is waited for; nothing is lost meanwhile."""
        while not stopping.is_set():
            try:
                more = self.step()
                pause_s = 0.0 if more else IDLE_S if self._fence is not None else WAIT_S
            except (StoreUnavailable, DatabaseUnavailable) as error:
                metrics.count("adengine_store_failures", "consumer")
                _log.warning("waiting", why=error.detail)
                self._cursors = None
                pause_s = WAIT_S
            except LeaseLost:
                _log.warning("another consumer has taken over")
                self._fence = self._cursors = None
                pause_s = WAIT_S
            stopping.wait(pause_s)
        if self._fence is not None:
            with contextlib.suppress(DatabaseUnavailable):  # the lease then runs out by itself
                self._ledger.release(self._fence)

    def step(self) -> bool:
        """One reading of all buckets, committed; whether there may be more already. Raises as its parts do."""
        if self._fence is None:
            self._fence = self._ledger.claim(self._holder, int(self._clock()))
            if self._fence is not None and self._rules is not None:
                self._ledger.note_rules(self._rules, int(self._clock()))
        if self._fence is None:
            return False
        if self._cursors is None:
            self._cursors = {bucket: _stepped_back(offset) for bucket, offset in self._ledger.offsets().items()}
            self._drained_s = self._ledger.drained_at_s()
            _log.info("counting", fence=self._fence)
        began_s = self._clock()
        portions = streams.read(self._store, self._cursors)
        usable = [portion for portion in portions if self._continues(portion, self._cursors)]
        for batch in streams.batches([portion for portion in usable if portion.entries]):
            self._post(batch, self._fence)
            self._cursors |= {
                bucket: Offset(epoch=passage.epoch, last=passage.entries[-1])
                for bucket, passage in batch.passages.items()
            }
        more = len(usable) < len(portions) or any(portion.is_full for portion in usable)
        if not more:
            self._drained_s = began_s
        self._keep_house(self._fence, self._cursors)
        return more

    def _continues(self, portion: Portion, cursors: dict[int, Offset]) -> bool:
        """Whether the portion is of the stream that its cursor belongs to. If not, it is read again from the beginning.

        A store that came back empty has another epoch; its new events could hide before the old offset.
        """
        cursor = cursors.get(portion.bucket)
        if portion.epoch is None:
            if portion.entries:
                streams.give_epoch(self._store, portion.bucket, secrets.token_bytes(16))
            return not portion.entries
        if cursor is None or cursor.epoch == portion.epoch or cursor.last == ZERO:
            return True
        _log.warning("the stream is another one; reading it from its beginning", bucket=portion.bucket)
        cursors[portion.bucket] = Offset(epoch=portion.epoch, last=ZERO)
        return False

    def _post(self, batch: Batch, fence: int) -> None:
        fresh = self._ledger.post(batch, fence, int(self._clock()))
        metrics.count("adengine_events_rolled_up", by=fresh)
        metrics.observe("adengine_event_lag_seconds", max(0.0, self._clock() - self._drained_s))
        for letter in batch.dead:
            _log.error("dead letter", bucket=letter.bucket, entry=f"{letter.ms}-{letter.seq}", problem=letter.problem)

    def _keep_house(self, fence: int, cursors: dict[int, Offset]) -> None:
        now_s = self._clock()
        if abs(now_s - self._renewed_s) >= RENEW_S:
            self._ledger.renew(fence, int(now_s), int(self._drained_s))
            self._renewed_s = now_s
        if abs(now_s - self._trimmed_s) >= self._trim_s:
            streams.trim(self._store, cursors, int((now_s - self._keep_s) * 1000))
            self._ledger.prune(fence, int(now_s))
            sealed = self._ledger.seal(fence, int(now_s))
            if sealed:
                _log.info("sealed", hours=sealed)
            self._trimmed_s = now_s


def _stepped_back(offset: Offset) -> Offset:
    return replace(offset, last=StreamId(max(0, offset.last.ms - OVERLAP_MS), 0))
