"""Interleaved rounds of the same number of calls: CPU time of this process, medians, how far two equal runs differ.

In one process, through WSGI, on a real Valkey of its own: what an HTTP server adds (the same to both) is left out, and
so is the store's own time. Ratios to LIMIT-STOCK are the figures to trust; microseconds only on an idle machine.
"""

from __future__ import annotations

import io
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flask
import orjson

from adengine import demo, places, settings, topics
from adengine.bench.stock import stock_app
from adengine.catalog.known import Known
from adengine.console.story import DOMAIN
from adengine.serve import boot
from adengine.store import schema, sql
from adengine.store.embedded import EmbeddedValkey
from adengine.wiring import create_app

WARM_CALLS = 200
PLACES = ("Remer,MN", "Springfield, IL", "56672", "München, DE", "Coeur d'Alene, ID", "Paris, FR")
STOCK, STOCK_AGAIN, FILL, BEACON, PLACE = "LIMIT-STOCK", "LIMIT-STOCK again", "fill, 3 slots", "impression", "place"


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    us: tuple[float, ...]
    """CPU microseconds a call, one figure a round."""

    @property
    def median_us(self) -> float:
        return statistics.median(self.us)


def run(rounds: int, calls: int, progress: Callable[[int], None]) -> dict[str, Any]:
    """The document that `bench --json` writes.  progress: called with the number of finished rounds."""
    with _subjects() as subjects:
        for subject in subjects.values():
            _timed(subject, WARM_CALLS)
        took: dict[str, list[float]] = {name: [] for name in subjects}
        for done in range(rounds):
            for name, subject in subjects.items():
                took[name].append(_timed(subject, calls))
            progress(done + 1)
    return _document([Row(name, tuple(us)) for name, us in took.items()], rounds, calls)


def _document(rows: list[Row], rounds: int, calls: int) -> dict[str, Any]:
    by_name = {row.name: row for row in rows}
    stock = by_name[STOCK]
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, {rounds} rounds of {calls} calls",
        "noise": round(by_name[STOCK_AGAIN].median_us / stock.median_us - 1, 3),
        "ratios": {
            "fill_vs_stock": round(stock.median_us / by_name[FILL].median_us, 2),
            "beacon_vs_stock": round(stock.median_us / by_name[BEACON].median_us, 2),
            "places_per_stock": round(stock.median_us / by_name[PLACE].median_us, 1),
        },
        "rows": [
            {
                "name": row.name,
                "us": round(row.median_us, 1),
                "least": round(min(row.us), 1),
                "most": round(max(row.us), 1),
            }
            for row in rows
        ],
    }


@contextmanager
def _subjects() -> Iterator[dict[str, Callable[[], object]]]:
    """What is measured, by name, over a demo of its own in a folder that is removed."""
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
            app, stock = create_app(given), stock_app(given.redis_url)
            names = iter(range(10**9))
            yield {
                STOCK: lambda: _stock(stock, next(names)),
                FILL: lambda: _fill(app, keys["fill"], next(names)),
                BEACON: _Beacons(app, keys["fill"]),
                PLACE: lambda: _resolve(gazetteer, next(names)),
                STOCK_AGAIN: lambda: _stock(stock, next(names)),
            }
        finally:
            valkey.stop()


class _Beacons:
    """Impressions of fills made beforehand, so that only the beacon is timed."""

    BATCH = 500

    def __init__(self, app: flask.Flask, key: str) -> None:
        self._app, self._key = app, key
        self._paths: list[str] = []

    def prepare(self, calls: int) -> None:
        while len(self._paths) < calls:
            for fill in _fill(self._app, self._key, len(self._paths))["fills"]:
                self._paths.append("/v1/i/" + fill["impression_url"].rsplit("/", 1)[1])

    def __call__(self) -> None:
        _call(self._app, self._paths.pop())


def _timed(subject: Callable[[], object], calls: int) -> float:
    if isinstance(subject, _Beacons):
        subject.prepare(calls)
    began_s = time.process_time()
    for _ in range(calls):
        subject()
    return (time.process_time() - began_s) / calls * 1e6


def _stock(app: flask.Flask, n: int) -> None:
    _call(app, "/v1/decide", {"reader": {"key": f"r{n}"}, "slots": [{"slot": "a"}, {"slot": "b"}, {"slot": "c"}]})


def _fill(app: flask.Flask, key: str, n: int) -> dict[str, Any]:
    body = {
        "page": {"url": f"https://{DOMAIN}/a", "topics": ["fantasy-sports"]},
        "reader": {"key": f"bench-{n}", "place": "Remer,MN", "consent": True},
        "slots": [{"slot": slot["name"]} for slot in demo.SLOTS],
    }
    answer: dict[str, Any] = orjson.loads(_call(app, "/v1/fill", body, key))
    return answer


def _resolve(gazetteer: places.Gazetteer, n: int) -> None:
    gazetteer.resolve(PLACES[n % len(PLACES)])


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
