"""The keeper of a machine: what must be done now and then, each by its own clock. `serve` keeps one running."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Engine

from adengine.counting import audit, spool
from adengine.counting import segments as events
from adengine.counting.claims import RECORD
from adengine.counting.consume import holder_of
from adengine.counting.kept import FOLDER as EVENTS
from adengine.counting.ledger import Ledger
from adengine.decisions import segments
from adengine.decisions.forgotten import Forgotten
from adengine.decisions.log import FOLDER
from adengine.errors import AdengineError
from adengine.reporting.reach.sql import forget
from adengine.serve.reports import Reports
from adengine.settings import Settings
from adengine.store import client, sql
from adengine.web import metrics

DECISIONS_EVERY_S, EVENTS_EVERY_S, SPOOL_EVERY_S, REPORTS_EVERY_S = 60.0, 60.0, 1.0, 1.0
PATIENT_MS = 2_000
HOLDS, VIOLATED = "holds", "violated"
_log = structlog.get_logger("adengine.keep")


@dataclass(slots=True)
class Chore:
    name: str
    every_s: float
    do: Callable[[], object]
    due_s: float = 0.0
    """By `time.monotonic`; at once at first."""


def run(settings: Settings) -> None:
    """Keeps until SIGTERM. What may take long is done beside the rest, so that it keeps no beacon waiting."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    store = client.connect(settings.redis_url, timeout_ms=PATIENT_MS)
    engine = sql.engine(settings.database)
    slow = threading.Thread(target=_keep_at, args=(long_chores_of(settings, engine), stopping), daemon=True)
    slow.start()
    _keep_at(chores_of(settings, store, engine), stopping)
    store.close()


def _keep_at(chores: Sequence[Chore], stopping: threading.Event) -> None:
    while not stopping.is_set():
        turn(chores, time.monotonic())
        stopping.wait(max(0.05, min(chore.due_s for chore in chores) - time.monotonic()))


def long_chores_of(settings: Settings, engine: Engine) -> list[Chore]:
    """What may take minutes, and is killed in the middle without harm."""
    reports = Reports(settings, engine)
    return [
        Chore("jobs", REPORTS_EVERY_S, reports.make),
        Chore("sending", REPORTS_EVERY_S, reports.send),
        Chore("reports", DECISIONS_EVERY_S, reports.forget),
    ]


def chores_of(settings: Settings, store: client.Store, engine: Engine) -> list[Chore]:
    chores = [
        Chore("decisions", DECISIONS_EVERY_S, lambda: keep_decisions(settings, store)),
        Chore("readers", DECISIONS_EVERY_S, ForgetReach(engine, Forgotten(store, settings.decision_keep_days))),
        Chore("spool", SPOOL_EVERY_S, lambda: drain(settings, store)),
    ]
    if settings.events_keep_days:
        chores.append(Chore("events", EVENTS_EVERY_S, lambda: keep_events(settings, engine)))
    if settings.audit_every_s:
        first_s = time.monotonic() + settings.audit_every_s
        chores.append(Chore("audit", settings.audit_every_s, lambda: check(engine, store), first_s))
    return chores


def turn(chores: Sequence[Chore], now_s: float) -> None:
    """Does what is due; a chore that cannot be done now waits for its next time, and keeps no other waiting."""
    for chore in chores:
        if chore.due_s <= now_s:
            try:
                chore.do()
            except (AdengineError, OSError) as error:
                _log.warning("keeping_waits", chore=chore.name, why=str(error))
            chore.due_s = now_s + chore.every_s


def keep_decisions(settings: Settings, store: client.Store) -> None:
    """Turns closed hours of the decision log over and forgets what must be."""
    folder = settings.data_dir / FOLDER
    if not folder.exists():
        return
    made = segments.keep(folder, int(time.time()), settings.decision_keep_days)
    dropped = segments.forget(folder, Forgotten(store, settings.decision_keep_days).all())
    if made or dropped:
        _log.info("decisions_kept", segments=made, forgotten_in=dropped)


def keep_events(settings: Settings, engine: Engine) -> None:
    """Writes counted events into files; on the machine whose consumer counts, so that they are not strewn over all."""
    if Ledger(engine).holder() != holder_of(settings):
        return
    made = events.keep(engine, settings.data_dir / EVENTS, int(time.time()), settings.events_keep_days)
    if made:
        _log.info("events_kept", segments=made)


class ForgetReach:
    """Makes readers who were forgotten unknown to reach; each once, because they may come again."""

    def __init__(self, engine: Engine, forgotten: Forgotten) -> None:
        self._engine = engine
        self._forgotten = forgotten
        self._done: set[tuple[str, int]] = set()

    def __call__(self) -> None:
        asked = set(self._forgotten.all().items())
        for rid, at_s in asked - self._done:
            forget(self._engine, bytes.fromhex(rid))
            self._done.add((rid, at_s))
        self._done &= asked


def drain(settings: Settings, store: client.Store) -> None:
    """Sends on what waited while the store was away."""
    folder = settings.data_dir / spool.FOLDER
    if folder.exists():
        drained = spool.drain(folder, store, RECORD)
        if drained:
            _log.info("spool_drained", beacons=drained)


def check(engine: Engine, store: client.Store) -> None:
    """The audit: a metric for each invariant, a line for each that is violated, and one that says that it was done."""
    findings = audit.run(engine, store)
    for finding in findings:
        metrics.count("adengine_audits", finding.name, HOLDS if finding.holds else VIOLATED)
        if not finding.holds:
            _log.error("audit_violated", check=finding.name, claim=finding.claim, **finding.figures)
    violated = [finding.name for finding in findings if not finding.holds]
    _log.info("audited", checks=len(findings), violated=violated)
