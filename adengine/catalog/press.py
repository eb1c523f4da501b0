"""The one process of a machine that compiles the catalogue: reads what was edited, and lays the result on the shelf.

It keeps all columns in memory, so that an edit costs reading and checking what it edited, and then a second of numpy at
a million creatives; one that starts again has them from the last catalogue on the shelf. `serve` runs one as a process
of its own; beside another WSGI server the first worker does it, or `python -m adengine compile`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from adengine.catalog.book import Book
from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.load import build, changes_of, version_of
from adengine.catalog.shelf import Shelf
from adengine.errors import DatabaseUnavailable, Unsafe
from adengine.web import metrics

POLL_S, AWAY_S = 0.1, 1.0
"""How often it looks for edits, and for a database that is away."""
_log = structlog.get_logger("adengine.catalog")


def run(engine: Engine, shelf: Shelf) -> None:
    """Compiles until SIGTERM; stands by while another process of the machine does, and waits for the database."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    while not stopping.is_set():
        with shelf.writer() as is_writer:
            press = Press(engine, shelf)
            while is_writer and not stopping.is_set():
                try:
                    press.turn(int(time.time()))
                except DatabaseUnavailable as error:
                    _log.warning("waiting", why=error.detail)
                    stopping.wait(AWAY_S)
                stopping.wait(POLL_S)
        stopping.wait(POLL_S)


class Press:
    """Compiles for as long as it is the shelf's only writer."""

    def __init__(self, engine: Engine, shelf: Shelf, *, dimensions: Sequence[Dimension] = DIMENSIONS) -> None:
        self._engine = engine
        self._shelf = shelf
        self._dimensions = dimensions
        self._book: Book | None = None
        self._refused: int | None = None
        self._build = build()

    def turn(self, now_s: int) -> bool:
        """Whether there was an edit, and it is on the shelf now. An edit that cannot be compiled is refused and logged.

        Raises `DatabaseUnavailable`.
        """
        version = version_of(self._engine)
        if version == self._refused or (self._book is not None and version == self._book.version):
            return False
        try:
            took, is_new = self._taken(version, now_s)
            arrays, told = took.pressed(self._dimensions) if is_new else ({}, {})
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            self._refused = version
            metrics.count("adengine_snapshots", "refused")
            _log.error("snapshot_refused", version=version, why=repr(error))
            return False
        self._book, self._refused = took, None
        if is_new:
            self._shelf.put(took.version, {**told, "build": self._build}, arrays, took.texts)
            _log.info("catalogue_compiled", version=took.version, **took.sizes())
        return is_new

    def _taken(self, version: int, now_s: int) -> tuple[Book, bool]:
        """(the book of now, whether it is not on the shelf yet).

        What was edited since the last book, or since the one on the shelf, is read alone; everything is, if there is
        none, or it has grown wasteful.
        """
        book = self._book
        if book is not None and book.version < version and not book.is_wasteful:
            return book.taking(changes_of(self._engine, book.version, now_s), now_s), True
        if book is None:
            book = self._on_shelf(version)
            if book is not None:
                took = book.taking(changes_of(self._engine, book.version, now_s, with_sums=True), now_s)
                if took.is_proven:
                    _log.info("catalogue_taken_up", version=book.version, **book.sizes())
                    return took, took.version != book.version
                _log.warning("catalogue_of_another_database", version=book.version)
        everything = changes_of(self._engine, None, now_s)
        return Book(self._shelf.texts(), self._dimensions).taking(everything, now_s), True

    def _on_shelf(self, version: int) -> Book | None:
        """The last catalogue as a book, if this engine made it of a version that the database has, or had."""
        name = self._shelf.current()
        if name is None:
            return None
        try:
            pressed = self._shelf.open(name)
            texts = self._shelf.texts_again()
            values = pressed.told["values"].keys()
            is_ours = pressed.told.get("build") == self._build and values == {row.name for row in self._dimensions}
            if not is_ours or pressed.version > version or texts is None:
                return None
            book = Book.of_pressed(pressed, texts, self._dimensions)
        except (Unsafe, LookupError, ValueError, TypeError) as error:
            _log.warning("catalogue_not_taken_up", name=name, why=str(error))
            return None
        return None if book.is_wasteful else book
