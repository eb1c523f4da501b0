"""The one process of a machine that compiles the catalogue: reads what was edited, and lays the result on the shelf.

It keeps all columns in memory, so that an edit costs reading and checking what it edited, and then a second of numpy at
a million creatives. `serve` runs one as a process of its own; beside another WSGI server the first worker does it, or
`python -m adengine compile`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
import orjson
import structlog
from sqlalchemy import Engine

from adengine.catalog.columns import Columns, Vocabulary, creative_columns, flight_columns, with_blobs
from adengine.catalog.compile import arrays_of
from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.load import LANDINGS_KEPT_S, changes_of, version_of
from adengine.catalog.mapped import VERSIONS
from adengine.catalog.rows import Row, creative_of, flight_of
from adengine.catalog.shelf import Shelf, Texts
from adengine.errors import DatabaseUnavailable
from adengine.web import metrics

WASTE_MAX = 2**26
"""Bytes of texts that nobody reads any more; behind that, and the same as is read, everything is read anew."""
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
        self._book: _Book | None = None
        self._refused: int | None = None

    def turn(self, now_s: int) -> bool:
        """Whether there was an edit, and it is on the shelf now. An edit that cannot be compiled is refused and logged.

        Raises `DatabaseUnavailable`.
        """
        book = self._book
        version = version_of(self._engine)
        if version == self._refused or (book is not None and version == book.version):
            return False
        since = None
        if book is not None and book.version < version and not book.is_wasteful:
            since = book.version
        else:
            book = _Book(self._shelf, self._dimensions)
        try:
            took = book.taking(changes_of(self._engine, since, now_s), now_s)
            arrays, told = took.pressed(self._dimensions)
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            self._refused = version
            metrics.count("adengine_snapshots", "refused")
            _log.error("snapshot_refused", version=version, why=repr(error))
            return False
        self._shelf.put(took.version, told, arrays, took.texts)
        self._book, self._refused = took, None
        _log.info("catalogue_compiled", version=took.version, flights=len(took.flights), creatives=len(took.creatives))
        return True


class _Book:
    """All columns of one version."""

    def __init__(self, shelf: Shelf, dimensions: Sequence[Dimension]) -> None:
        self.version = -1
        self.last_flight = 0
        self.words = Vocabulary()
        self.texts: Texts = shelf.texts()
        self.campaigns: dict[int, Row] = {}
        self.advertisers: dict[int, str] = {}
        self.small: dict[str, list[Row]] = {}
        """Sites, slots, keys."""
        self._dimensions = dimensions
        nowhere = np.empty(0, np.int64)
        self.flights = with_blobs(flight_columns((), self.words, dimensions), nowhere, nowhere)
        self.creatives = with_blobs(creative_columns((), self.words), nowhere, nowhere)
        self.landings = Columns(dict.fromkeys(("id", "creative", "archived_at_s", "begins", "ends"), nowhere))

    @property
    def is_wasteful(self) -> bool:
        columns = (self.flights, self.creatives, self.landings)
        used = sum(int((of.rows["ends"] - of.rows["begins"]).sum()) for of in columns)
        return self.texts.length > 2 * used + WASTE_MAX

    def taking(self, changes: Iterable[tuple[str, Sequence[Row]]], now_s: int) -> _Book:
        """This book with the changes, as another one; this one stays as it was but for its words and texts."""
        new = copy(self)
        new.small, new.campaigns, new.advertisers = {}, dict(self.campaigns), dict(self.advertisers)
        gone: dict[str, set[int]] = {"flights": set(), "creatives": set(), "landings": set()}
        made: dict[str, list[Columns]] = {noun: [] for noun in gone}
        for noun, rows in _in_batches(changes):
            if noun == "version":
                new.version, new.last_flight = rows[0]["version"], rows[0]["last_flight"]
            elif noun in ("advertisers", "campaigns"):
                new._named(noun, rows)
            elif noun in made:
                gone[noun].update(row.get("id", row.get("creative")) for row in rows)
                if noun == "creatives":
                    gone["landings"].update(row.get("id", row.get("creative")) for row in rows)
                made[noun].append(new._columns(noun, [row for row in rows if "gone" not in row]))
            else:
                new.small.setdefault(noun, []).extend(rows)
        new.flights = self.flights.replaced(gone["flights"], made["flights"])
        new.creatives = self.creatives.replaced(gone["creatives"], made["creatives"])
        new.landings = _recent(self.landings.replaced(gone["landings"], made["landings"], by="creative"), now_s)
        return new

    def pressed(self, dimensions: Sequence[Dimension]) -> tuple[dict[str, Any], dict[str, Any]]:
        """(arrays, what is told beside them), as `Shelf.put` takes them."""
        arrays, told = arrays_of(self.flights, self.creatives, self.words, dimensions)
        arrays |= {f"landings.{name}": self.landings.rows[name] for name in ("id", "begins", "ends")}
        advertisers = sorted(self.advertisers.items())
        return arrays, told | {
            **{noun: self.small.get(noun, []) for noun in ("sites", "slots", "keys")},
            "last_flight": self.last_flight,
            "advertisers": [[id_ for id_, _ in advertisers], [name for _, name in advertisers]],
        }

    def _named(self, noun: str, rows: Sequence[Row]) -> None:
        known: dict[int, Any] = self.advertisers if noun == "advertisers" else self.campaigns
        for row in rows:
            if "gone" in row:
                known.pop(row["id"], None)
            elif noun == "advertisers":
                known[row["id"]] = row["name"]
            else:
                known[row["id"]] = {name: row[name] for name in ("advertiser", "rotation")}

    def _columns(self, noun: str, rows: Sequence[Row]) -> Columns:
        if noun == "landings":
            return self._landings(rows)
        if noun == "flights":
            flights = [flight_of(row, self.campaigns[row["campaign"]]) for row in rows]
            columns = flight_columns(flights, self.words, self._dimensions)
            told = [{"row": row, "campaign": self.campaigns[row["campaign"]]} for row in rows]
        else:
            owners = [self.campaigns[row["campaign"]]["advertiser"] for row in rows]
            creatives = [creative_of(row, owner) for row, owner in zip(rows, owners, strict=True)]
            columns = creative_columns(creatives, self.words)
            told = [{"row": row, "advertiser": owner} for row, owner in zip(rows, owners, strict=True)]
        name = "id" if noun == "flights" else "creative"
        told.sort(key=lambda of: of["row"][name])
        return with_blobs(columns, *self.texts.append([orjson.dumps(of) for of in told]))

    def _landings(self, rows: Sequence[Row]) -> Columns:
        begins, ends = self.texts.append([row["landing_url"].encode() for row in rows])
        numbers = [row["creative"] * VERSIONS + row["version"] for row in rows]
        return Columns(
            {
                "id": np.array(numbers, np.int64),
                "creative": np.array([row["creative"] for row in rows], np.int64),
                "archived_at_s": np.array([row["archived_at_s"] or 0 for row in rows], np.int64),
                "begins": begins,
                "ends": ends,
            }
        )


def _in_batches(changes: Iterable[tuple[str, Sequence[Row]]]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Without empty ones; the first, which tells the version, is one of them."""
    return ((noun, rows) for noun, rows in changes if rows)


def _recent(landings: Columns, now_s: int) -> Columns:
    """Clicks on an archived creative's last lines still arrive for a while."""
    archived_at_s = landings.rows["archived_at_s"]
    kept = (archived_at_s == 0) | (archived_at_s > now_s - LANDINGS_KEPT_S)
    return Columns({name: column[kept] for name, column in landings.rows.items()})
