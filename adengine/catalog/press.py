"""The one process of a machine that compiles the catalogue: reads what was edited, and lays the result on the shelf.

It keeps all columns in memory, so that an edit costs reading and checking what it edited, and then a second of numpy at
a million creatives; one that starts again has them from the last catalogue on the shelf. `serve` runs one as a process
of its own; beside another WSGI server the first worker does it, or `python -m adengine compile`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import structlog
from sqlalchemy import Engine

from adengine.catalog.columns import Columns, Vocabulary, creative_columns, flight_columns, with_blobs
from adengine.catalog.compile import arrays_of
from adengine.catalog.dimensions import DIMENSIONS, Dimension
from adengine.catalog.load import LANDINGS_KEPT_S, SUMMED, build, changes_of, version_of
from adengine.catalog.mapped import VERSIONS
from adengine.catalog.nouns import Rotation
from adengine.catalog.restored import creatives_in, flights_in, landing_arrays, landings_in, words_in
from adengine.catalog.rows import Row, creative_of, flight_of
from adengine.catalog.shelf import Pressed, Shelf, Texts
from adengine.errors import DatabaseUnavailable, Unsafe
from adengine.web import metrics

WASTE_MAX = 2**26
"""Bytes of texts that nobody reads any more; behind that, and the same as is read, everything is read anew."""
EDITED = ("edit", "updated_at_s")
"""Columns of flights that only prove whose they are."""
ROTATIONS = tuple(rotation.value for rotation in Rotation)
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

    def _taken(self, version: int, now_s: int) -> tuple[_Book, bool]:
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
        return _Book(self._shelf.texts(), self._dimensions).taking(everything, now_s), True

    def _on_shelf(self, version: int) -> _Book | None:
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
            book = _Book.of_pressed(pressed, texts, self._dimensions)
        except (Unsafe, LookupError, ValueError, TypeError) as error:
            _log.warning("catalogue_not_taken_up", name=name, why=str(error))
            return None
        return None if book.is_wasteful else book


class _Book:
    """All columns of one version."""

    def __init__(self, texts: Texts, dimensions: Sequence[Dimension]) -> None:
        """Empty."""
        self.version = -1
        self.last_flight = 0
        self.sums: list[int] | None = None
        """As the database had them when this was read, if it was asked."""
        self.words = Vocabulary()
        self.texts = texts
        self.campaigns: dict[int, Row] = {}
        self.advertisers: dict[int, str] = {}
        self.small: dict[str, list[Row]] = {}
        """Sites, slots, keys."""
        self._dimensions = dimensions
        nowhere = np.empty(0, np.int64)
        self._campaign_arrays: dict[str, Any] = {}
        self.flights = _with(flight_columns((), self.words, dimensions), dict.fromkeys(EDITED, nowhere))
        self.flights = with_blobs(self.flights, nowhere, nowhere)
        self.creatives = with_blobs(creative_columns((), self.words), nowhere, nowhere)
        self.landings = Columns(dict.fromkeys(("id", "creative", "archived_at_s", "begins", "ends"), nowhere))

    @classmethod
    def of_pressed(cls, pressed: Pressed, texts: Texts, dimensions: Sequence[Dimension]) -> _Book:
        """As it was when it was put on the shelf.  texts: the pressed one's, to be appended to."""
        book, arrays, told = cls(texts, dimensions), pressed.arrays, pressed.told
        book.version, book.last_flight = pressed.version, told["last_flight"]
        book.words = words_in(told)
        book.flights = flights_in(arrays, told, book.words, dimensions)
        book.creatives, book.landings = creatives_in(arrays), landings_in(arrays)
        book.advertisers = dict(zip(*told["advertisers"], strict=True))
        columns = (arrays[f"campaigns.{name}"].tolist() for name in ("id", "advertiser", "rotation"))
        book.campaigns = {
            id_: {"advertiser": advertiser, "rotation": ROTATIONS[rotation]}
            for id_, advertiser, rotation in zip(*columns, strict=True)
        }
        return book

    @property
    def is_proven(self) -> bool:
        """Whether the database has the flights that this has."""
        flights = self.flights.rows
        return self.sums == [len(self.flights), *(int(flights[name].sum()) for name in SUMMED)]

    def sizes(self) -> dict[str, int]:
        return {"flights": len(self.flights), "creatives": len(self.creatives)}

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
                new.version, new.last_flight, new.sums = (rows[0][name] for name in ("version", "last_flight", "sums"))
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
        arrays |= landing_arrays(self.landings) | self._campaigns_pressed()
        advertisers = sorted(self.advertisers.items())
        return arrays, told | {
            **{noun: self.small.get(noun, []) for noun in ("sites", "slots", "keys")},
            "last_flight": self.last_flight,
            "advertisers": [[id_ for id_, _ in advertisers], [name for _, name in advertisers]],
        }

    def _campaigns_pressed(self) -> dict[str, Any]:
        """Worked out when a campaign was edited."""
        if not self._campaign_arrays:
            campaigns = self.campaigns.values()
            self._campaign_arrays = {
                "campaigns.id": np.array([*self.campaigns], np.int64),
                "campaigns.advertiser": np.array([row["advertiser"] for row in campaigns], np.int64),
                "campaigns.rotation": np.array([ROTATIONS.index(row["rotation"]) for row in campaigns], np.int8),
            }
        return self._campaign_arrays

    def _named(self, noun: str, rows: Sequence[Row]) -> None:
        if noun == "campaigns":
            self._campaign_arrays = {}
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
            by_id = sorted(rows, key=lambda row: row["id"])
            columns = _with(columns, {name: np.array([row[name] for row in by_id], np.int64) for name in EDITED})
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


def _with(columns: Columns, more: Mapping[str, Any]) -> Columns:
    return replace(columns, rows={**columns.rows, **more})


def _in_batches(changes: Iterable[tuple[str, Sequence[Row]]]) -> Iterator[tuple[str, Sequence[Row]]]:
    """Without empty ones; the first, which tells the version, is one of them."""
    return ((noun, rows) for noun, rows in changes if rows)


def _recent(landings: Columns, now_s: int) -> Columns:
    """Clicks on an archived creative's last lines still arrive for a while."""
    archived_at_s = landings.rows["archived_at_s"]
    kept = (archived_at_s == 0) | (archived_at_s > now_s - LANDINGS_KEPT_S)
    return Columns({name: column[kept] for name, column in landings.rows.items()})
