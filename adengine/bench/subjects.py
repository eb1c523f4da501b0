"""What `bench` measures: one call of each, over a demo and a book of its own in a folder that is removed."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import flask
import orjson

from adengine import demo, places, settings, topics
from adengine.bench.book import Book
from adengine.bench.fast import fast_app
from adengine.bench.stock import stock_app
from adengine.catalog import sql as catalogue
from adengine.catalog.collections import BY_NOUN
from adengine.catalog.keys.sql import OPERATOR
from adengine.catalog.known import Known
from adengine.catalog.load import version_of
from adengine.pacing.claims import PacingStore
from adengine.pacing.lead import Pacer
from adengine.pacing.leases import horizon_s
from adengine.serve import boot
from adengine.store import schema, sql
from adengine.store.embedded import EmbeddedValkey
from adengine.wiring import Parts, create_app, shelf_of

PLACES = ("Remer,MN", "Springfield, IL", "56672", "München, DE", "Coeur d'Alene, ID", "Paris, FR")
STOCK, AGAIN, FAST = "LIMIT-STOCK", "LIMIT-STOCK again", "LIMIT-FAST"
FILL, BEACON, PLACE = "fill, 3 slots", "impression", "place"
LEASES_WITHIN_S = 10.0


class Subject:
    """One thing that is measured, by calling it."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    def prepare(self, calls: int) -> None:
        """Whatever `calls` calls need and should not be timed."""

    def __call__(self) -> None:
        self._call()


class _Beacons(Subject):
    """Impressions of fills made beforehand, so that only the beacon is timed."""

    def __init__(self, app: flask.Flask, fill: Callable[[], bytes]) -> None:
        super().__init__(lambda: _call(app, self._paths.pop()))
        self._fill = fill
        self._paths: list[str] = []

    def prepare(self, calls: int) -> None:
        while len(self._paths) < calls:
            for fill in orjson.loads(self._fill())["fills"]:
                if fill["status"] == "filled":
                    self._paths.append("/v1/i/" + fill["impression_url"].rsplit("/", 1)[1])


class Bench(NamedTuple):
    subjects: dict[str, Subject]
    """By name."""
    edit: Callable[[], float]
    """Edits a flight; seconds from the commit to pages that are decided by it."""
    index_mb: float
    """Of the compiled catalogue, without texts."""


@contextmanager
def bench_of(creatives: int, progress: Callable[[int], None]) -> Iterator[Bench]:
    """progress: called with the number of creatives written so far."""
    with tempfile.TemporaryDirectory(prefix="adengine-bench-") as folder:
        given = boot.with_secret(replace(settings.load({}), data_dir=Path(folder), log_level="error"))
        valkey = EmbeddedValkey(given.data_dir)
        given = replace(given, redis_url=valkey.start())
        try:
            gazetteer = places.load(given.data_dir)
            engine = sql.engine(given.database, create=True)
            schema.upgrade(engine)
            known = Known(gazetteer=gazetteer, taxonomy=topics.load(), http_landing=False)
            keys = demo.seed(engine, given.data_dir, known, int(time.time()))
            book = Book(known)
            book.write(engine, creatives, int(time.time()), progress)
            app = create_app(given)
            _pace(app.extensions["adengine"])
            pages = book.pages([slot["name"] for slot in demo.SLOTS])
            parts = app.extensions["adengine"]
            made = _made(app, given.redis_url, gazetteer, lambda: _call(app, "/v1/fill", next(pages), keys["fill"]))
            yield Bench(made, lambda: _edit(parts), _index_mb(parts))
            _stop(parts)
        finally:
            valkey.stop()


def _made(
    app: flask.Flask, redis_url: str, gazetteer: places.Gazetteer, fill: Callable[[], bytes]
) -> dict[str, Subject]:
    stock, fast = stock_app(redis_url), fast_app(redis_url)
    names = iter(range(10**9))
    return {
        STOCK: Subject(lambda: _decide(stock, next(names))),
        FAST: Subject(lambda: _decide(fast, next(names))),
        FILL: Subject(fill),
        BEACON: _Beacons(app, fill),
        PLACE: Subject(lambda: gazetteer.resolve(PLACES[next(names) % len(PLACES)])),
        AGAIN: Subject(lambda: _decide(stock, next(names))),
    }


def _pace(parts: Parts) -> None:
    """One step of a pacer; returns when the worker has taken it up, with its first leases."""
    pacing = PacingStore(parts.patient, horizon_s(parts.settings.hold_s))
    Pacer(
        pacing, parts.engine, parts.gazetteer, parts.taxonomy, timezone=parts.settings.timezone, holder="bench"
    ).step()
    by_s = time.monotonic() + LEASES_WITHIN_S
    while time.monotonic() < by_s and not _has_leases(parts):
        time.sleep(0.1)


def _has_leases(parts: Parts) -> bool:
    flights: list[int] = parts.pace.sheet().flight.tolist()
    return bool(flights) and all(map(parts.pace.leases.is_ready, parts.pace.leases.indices(flights).tolist()))


def _edit(parts: Parts) -> float:
    version = version_of(parts.engine) + 1
    with sql.writing(parts.engine) as connection:
        catalogue.begin_edit(connection)
        (flight,) = catalogue.page(connection, BY_NOUN["flight"], OPERATOR, after=version, count=1)
        catalogue.touch(connection, "flight", flight["id"], int(time.time()), {"weight": flight["weight"] + 1})
    began_s = time.perf_counter()
    parts.snapshots.show_edit()
    snapshot = parts.snapshots.current()
    if snapshot is None or snapshot.version < version:
        raise RuntimeError("the edit was not taken up")
    return time.perf_counter() - began_s


def _index_mb(parts: Parts) -> float:
    shelf = shelf_of(parts.settings)
    return shelf.size(shelf.path(version_of(parts.engine)).name) / 2**20


def _stop(parts: Parts) -> None:
    parts.pace.stop()
    parts.snapshots.stop()


def _decide(app: flask.Flask, n: int) -> None:
    _call(app, "/v1/decide", {"reader": {"key": f"r{n}"}, "slots": [{"slot": "a"}, {"slot": "b"}, {"slot": "c"}]})


def _call(app: flask.Flask, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> bytes:
    """One POST as a WSGI server makes it; raises if it is refused."""
    sent = orjson.dumps(body) if body is not None else b""
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "SERVER_NAME": "bench", "SERVER_PORT": "80",
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(sent),
        "CONTENT_LENGTH": str(len(sent)), "CONTENT_TYPE": "application/json",
    }  # fmt: skip
    if key is not None:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    statuses: list[str] = []

    def start(status: str, *_: Any) -> Any:
        statuses.append(status)

    answer = b"".join(app(environ, start))
    if not statuses[0].startswith("2"):
        raise RuntimeError(f"{path}: {statuses[0]}: {answer[:500]!r}")
    return answer
