"""Keeps a worker's snapshot current: one thread looks for newly compiled catalogues and swaps them in.

A fill takes `current()` once and keeps it, so it never sees half an edit. What is compiled lies on a shelf (`shelf`),
and all workers of a machine map the same files. The last good catalogue goes on serving while the database is away,
after a restart too, and when an edit cannot be compiled.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.load import version_of
from adengine.catalog.mapped import snapshot_in
from adengine.catalog.press import Press
from adengine.catalog.shelf import Pressed, Shelf
from adengine.catalog.snapshot import Snapshot
from adengine.errors import DatabaseUnavailable, Unsafe
from adengine.web import metrics

OWN_EDIT_S = 2.0
"""The worker that made an edit waits so long for whoever compiles it."""
LOOK_S = 0.02
_log = structlog.get_logger("adengine.catalog")


class SnapshotWatcher:
    """The current snapshot of one process; `start` gives it a first one and the thread."""

    def __init__(
        self,
        engine: Engine,
        shelf: Shelf,
        *,
        poll_ms: int,
        compiles: bool = True,
        clock: Callable[[], float] = time.time,
        dimensions: Sequence[Dimension] = DIMENSIONS,
    ) -> None:
        """compiles: whether this process compiles, unless another one of the machine does.  clock: epoch seconds."""
        self._engine = engine
        self._shelf = shelf
        self._press = Press(engine, shelf, dimensions=dimensions) if compiles else None
        self._poll_s = poll_ms / 1000
        self._clock = clock
        self._dimensions = dimensions
        self._pressed: Pressed | None = None
        self._stamp = (0, 0)
        self._snapshot: Snapshot | None = None
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="snapshot-watcher", daemon=True)
        self._writes = contextlib.ExitStack()
        self._is_writer = False
        self.database_ok = False
        """Whether the database answered when it was last asked."""

    def current(self) -> Snapshot | None:
        """The last good snapshot; None if there never was one."""
        return self._snapshot

    def as_of(self, now_s: int) -> Snapshot | None:
        """The last good one with the caps that guard then; made for the call, unless those of now do."""
        snapshot, pressed = self._snapshot, self._pressed
        if snapshot is None or pressed is None or snapshot.guards_as_of(now_s):
            return snapshot
        return self._made_of(pressed, now_s)

    def start(self) -> None:
        """Returns with a snapshot if the database or the shelf gives one soon; the thread looks on."""
        self.refresh()
        if self._snapshot is None:
            self.show_edit()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._writes.close()

    def refresh(self) -> None:
        """Takes up the last edit now, if there is one. Never raises: what fails is logged and tried again."""
        with self._turn:
            self._look()

    def show_edit(self) -> None:
        """Takes up what was just committed; if another process compiles it, waits for that, at most `OWN_EDIT_S`."""
        self.refresh()
        try:
            version = version_of(self._engine)
        except DatabaseUnavailable:
            return
        until_s = time.monotonic() + OWN_EDIT_S
        while (self._snapshot is None or self._snapshot.version < version) and time.monotonic() < until_s:
            self._stop.wait(LOOK_S)
            self.refresh()

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.refresh()

    def _look(self) -> None:
        try:
            self._ask_database()
            self._take_newest()
            self._pass_boundary()
        except Exception:  # noqa: BLE001
            # Whatever is wrong with a catalogue or a disk, pages go on with the snapshot before it.
            _log.exception("snapshot_failed")

    def _ask_database(self) -> None:
        """Compiles what was edited, if nobody else does."""
        was_ok = self.database_ok
        try:
            if self._press is not None and self._may_write():
                self._press.turn(int(self._clock()))
            else:
                version_of(self._engine)
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            self.database_ok = False
            if was_ok:
                _log.warning("database_away", why=str(error))
            return
        self.database_ok = True

    def _may_write(self) -> bool:
        if not self._is_writer:
            self._writes = contextlib.ExitStack()
            self._is_writer = self._writes.enter_context(self._shelf.writer())
        return self._is_writer

    def _take_newest(self) -> None:
        stamp = self._shelf.stamp()
        if stamp == self._stamp:
            return
        for name in self._shelf.names():
            try:
                self._take(self._shelf.open(name))
            except (Unsafe, LookupError, ValueError, TypeError, AttributeError) as error:
                metrics.count("adengine_snapshots", "refused")
                _log.error("snapshot_refused", name=name, why=repr(error))
            else:
                break
        self._stamp = stamp

    def _take(self, pressed: Pressed) -> None:
        self._snapshot = self._made_of(pressed, int(self._clock()))
        self._pressed = pressed
        metrics.count("adengine_snapshots", "taken")
        _log.info("snapshot_taken", version=pressed.version)

    def _pass_boundary(self) -> None:
        """Flights begin and end while nobody edits, and while the database is away."""
        snapshot, pressed = self._snapshot, self._pressed
        if snapshot is None or pressed is None or snapshot.next_boundary_s is None:
            return
        if self._clock() >= snapshot.next_boundary_s:
            self._snapshot = self._made_of(pressed, int(self._clock()))

    def _made_of(self, pressed: Pressed, now_s: int) -> Snapshot:
        return snapshot_in(pressed.version, pressed.told, pressed.arrays, pressed.texts, now_s, self._dimensions)
