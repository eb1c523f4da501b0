"""Keeps a worker's snapshot current: one thread looks for edits, compiles, and swaps the result in.

A fill takes `current()` once and keeps it, so it never sees half an edit. A catalogue that cannot be compiled is
refused and the last good one goes on serving; so it does while the database is away, and after a restart too: the rows
of the last good snapshot are kept in a signed file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.load import rows_of, save_rows, saved_rows, version_of
from adengine.catalog.rows import Rows, catalogue_of
from adengine.catalog.snapshot import Catalogue, Snapshot, compile_snapshot
from adengine.errors import DatabaseUnavailable, Unsafe
from adengine.web import metrics

SAVED = "catalogue.last"
_log = structlog.get_logger("adengine.catalog")


class SnapshotWatcher:
    """The current snapshot of one process; `start` gives it a first one and the thread."""

    def __init__(
        self,
        engine: Engine,
        data_dir: Path,
        key: bytes,
        *,
        poll_ms: int,
        clock: Callable[[], float] = time.time,
        dimensions: Sequence[Dimension] = DIMENSIONS,
    ) -> None:
        """key: 32 bytes that sign the saved file; all workers share them.  clock: epoch seconds."""
        self._engine = engine
        self._path = data_dir / SAVED
        self._key = key
        self._poll_s = poll_ms / 1000
        self._clock = clock
        self._dimensions = dimensions
        self._catalogue: Catalogue | None = None
        self._snapshot: Snapshot | None = None
        self._refused: int | None = None
        self._turn = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="snapshot-watcher", daemon=True)
        self.database_ok = False
        """Whether the database answered when it was last asked."""

    def current(self) -> Snapshot | None:
        """The last good snapshot; None if there never was one."""
        return self._snapshot

    def start(self) -> None:
        """Returns with a snapshot if the database or the saved file gives one; the thread looks on."""
        self.refresh()
        if self._snapshot is None:
            self._take_saved()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """Takes up the last edit now, if there is one. Never raises: what fails is logged and tried again.

        After a commit the API calls this, so that at least its own worker shows the edit at once.
        """
        with self._turn:
            try:
                self._take_edit()
                self._compile_at_boundary()
            except Exception:  # noqa: BLE001
                # Whatever is wrong with a catalogue or a disk, pages go on with the snapshot before it.
                _log.exception("snapshot_failed")

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.refresh()

    def _take_edit(self) -> None:
        was_ok = self.database_ok
        try:
            version = version_of(self._engine)
            known = self._refused if self._refused is not None else self._snapshot and self._snapshot.version
            rows = rows_of(self._engine, int(self._clock())) if version != known or not was_ok else None
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            self.database_ok = False
            if was_ok:
                _log.warning("database_away", why=str(error))
            return
        self.database_ok = True
        if rows is not None and self._take(rows):
            save_rows(self._path, rows, self._key)

    def _take_saved(self) -> None:
        try:
            rows = saved_rows(self._path, self._key)
        except Unsafe as error:
            metrics.count("adengine_snapshots", "refused")
            _log.error("saved_snapshot_refused", why=error.detail)
            return
        if rows is not None and self._take(rows):
            _log.warning("saved_snapshot_taken", version=rows["version"])

    def _take(self, rows: Rows) -> bool:
        """Whether the rows made a snapshot; if so it is the current one."""
        try:
            self._compile(catalogue_of(rows))
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            self._refused = rows["version"]
            metrics.count("adengine_snapshots", "refused")
            _log.error("snapshot_refused", version=rows["version"], why=repr(error))
            return False
        self._refused = None
        metrics.count("adengine_snapshots", "taken")
        _log.info("snapshot_taken", version=rows["version"])
        return True

    def _compile(self, catalogue: Catalogue) -> None:
        self._snapshot = compile_snapshot(catalogue, int(self._clock()), self._dimensions)
        self._catalogue = catalogue

    def _compile_at_boundary(self) -> None:
        """Flights begin and end while nobody edits, and while the database is away."""
        snapshot, catalogue = self._snapshot, self._catalogue
        if snapshot is None or catalogue is None or snapshot.next_boundary_s is None:
            return
        if self._clock() >= snapshot.next_boundary_s:
            self._compile(catalogue)
