"""A page renderer beside a real Filler: asks as pages do, sends beacons as browsers do, on a clock that tests set."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from typing import Any

import flask
import orjson
from flask.testing import FlaskClient

from adengine import native, topics
from adengine.caps.claims import Confirmation, ReaderLog
from adengine.catalog.compile import compile_snapshot
from adengine.catalog.nouns import Flight, Key, Scope
from adengine.catalog.snapshot import Snapshot
from adengine.counting.events import Fill, read_event
from adengine.counting.keyring import key_ring
from adengine.counting.metrics import Kind
from adengine.counting.tokens import PURPOSE, Served, TokenMinter, TokenReader
from adengine.learning.learnt import NOTHING
from adengine.pacing.leases import Leases
from adengine.pacing.sheet import empty
from adengine.pacing.turns import Turns
from adengine.serving import api
from adengine.serving.fill import Filler
from adengine.serving.outside import Outside, Terms
from adengine.serving.pace import Paces
from adengine.serving.readers import ReaderIds
from adengine.serving.request import parse
from adengine.serving.scene import Gazetteer
from adengine.store import keys
from adengine.store.client import Store
from adengine.web import auth, manners, openapi, problems, request_ids
from adengine.web.hot import HotFlask
from tests.builders import NOW_S, a_catalogue, a_key
from tests.stores import PATIENT_MS

KEY = "the key of this kiosk"
SECRET = "a secret that only these tests know, 0123456789"
BASE_URL = "https://ads.example"
HOLD_S = 60


class Kiosk:
    """`kiosk(reader="a")` is a page view's answer; `kiosk.show(fill)` its impression."""

    def __init__(
        self, store: Store, gazetteer: Gazetteer, *flights: Flight, express: bool = True, **catalogue: Any
    ) -> None:
        """express: whether the compiled line answers ordinary pages."""
        self.store = store
        self.now_s = NOW_S
        self.database_ok = True
        self.snapshot: Snapshot | None = None
        self.key: Key = a_key(scopes=(Scope.MANAGE,))
        self.log = ReaderLog(store, clock=lambda: self.now_s)
        self.reader_ids = ReaderIds(SECRET)
        ring = key_ring(PURPOSE, SECRET)
        self.tokens = TokenReader(ring)
        self.minter = TokenMinter(ring)
        self.gazetteer = gazetteer
        self.taxonomy = topics.load()
        self.patience_ms = PATIENT_MS
        """How long a page may wait for the store; the machine is shared, so longer than in production."""
        self.sheet = empty()
        self.leases = Leases(time.monotonic)
        self.learnt = NOTHING
        self.paces = Paces(lambda: self.sheet, self.leases, Turns(), lambda: self.learnt)
        self.wagers = True
        """Whether pages may be seated without a look at the reader first."""
        self.express = express
        self.forgotten: list[tuple[bytes, int]] = []
        """Who was, by the API."""
        self.round_trips = 0
        """What the last page cost."""
        self._requests = count(1)
        self.book(*flights, **catalogue)

    def book(self, *flights: Flight, **catalogue: Any) -> None:
        """Another catalogue, from now on."""
        known = {"keys": ((auth.digest(KEY), self.key),)} | catalogue
        self._catalogue = a_catalogue(*flights, **known)
        self.snapshot = compile_snapshot(self._catalogue, self.now_s)

    @property
    def filler(self) -> Filler:
        filler = Filler(
            outside=Outside(
                snapshots=self,
                reader_log=self.log,
                reader_ids=self.reader_ids,
                paces=self.paces,
                monotonic=time.monotonic,
                wagers=self.log if self.wagers else None,
            ),
            minter=self.minter,
            gazetteer=self.gazetteer,
            taxonomy=self.taxonomy,
            terms=Terms(BASE_URL, HOLD_S, self.patience_ms, 2 * self.patience_ms),
        )
        if self.express:
            line = native.module("express.line")
            assert line is not None, native.unbuilt()
            filler.express = line.Express(filler)
        return filler

    def client(self, *, hot: bool = True) -> FlaskClient:
        """The same over HTTP, with the kiosk's key under `KEY`.  hot: whether fills go past Flask."""
        return self.app(hot=hot)[0].test_client()

    def document(self) -> dict[str, Any]:
        """The OpenAPI document of the routes."""
        return dict(self.app()[1].spec.to_dict())

    def app(self, *, hot: bool = True) -> tuple[flask.Flask, openapi.Api]:
        app = HotFlask("kiosk", static_folder=None)
        manners.install(app)
        problems.install(app)
        auth.install(app, lambda digest: self.snapshot and self.snapshot.keys.get(digest))
        documented = openapi.install(app)
        clock = lambda: self.now_s  # noqa: E731
        route = api.FillRoute(self.filler, self, clock)
        told = lambda rid, now_s: self.forgotten.append((rid, now_s))  # noqa: E731
        documented.register_blueprint(api.blueprint(route, self, self.log, self.reader_ids, clock, forgotten=told))
        if hot:
            app.add_hot_route(api.hot_route(route))
        return app, documented

    def current(self) -> Snapshot | None:
        return self.snapshot

    def as_of(self, now_s: int) -> Snapshot | None:
        return compile_snapshot(self._catalogue, now_s) if self.snapshot is not None else None

    def __call__(
        self,
        *,
        reader: str | dict[str, Any] | None = None,
        slots: Sequence[Any] = ("article-header",),
        place: Any = None,
        topics: Sequence[str] = (),
        page: dict[str, Any] | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """The answer to a page.  slots: names, or documents.  reader: his key, or all that a page tells of him."""
        body = {
            "page": {"url": "https://news.example/a", "topics": list(topics)} | (page or {}),
            "reader": {"place": place} | (reader if isinstance(reader, dict) else {"key": reader}),
            "slots": [{"slot": slot} if isinstance(slot, str) else slot for slot in slots],
        } | fields
        before = self.store.round_trips
        asked = parse(orjson.dumps(body))
        request = request_ids.ulid(self.now_s * 1000, next(self._requests).to_bytes(10, "big"))
        answer = self.filler.fill(asked, self.key, api.moment_of(asked, self.now_s, request)).document
        self.round_trips = self.store.round_trips - before
        return answer

    def show(self, fill: dict[str, Any]) -> Confirmation:
        """What the caps make of a filled slot's impression, now."""
        served = self.served(fill)
        if not served.held or served.reader is None:
            return Confirmation.CONFIRMED
        assert self.snapshot is not None
        lifetimes = self.snapshot.lifetimes(served.flight, served.creative)
        return self.log.confirm(
            served.reader, served.creative, served.flight, served.view, lifetimes, now_s=self.now_s
        )[0]

    def served(self, fill: dict[str, Any]) -> Served:
        """What the impression's token tells."""
        token = fill["impression_url"].rsplit("/", 1)[1]
        served = self.tokens.read(token, Kind.IMPRESSION).served
        assert served is not None
        return served

    def events(self) -> list[Fill]:
        """Every fill's event, in no order."""
        streams = self.store.across([("XRANGE", keys.stream(bucket), "-", "+") for bucket in range(keys.BUCKETS)])
        found = [read_event(entry[1][1]) for stream in streams for entry in stream]
        return [event for event in found if isinstance(event, Fill)]

    def everything(self) -> bytes:
        """All names and values in the store, one after another."""
        names = [name for reply in self.store.everywhere("KEYS", "*") for name in _listed(reply)]
        readers = {b"string": "GET", b"hash": "HGETALL", b"stream": "XREVRANGE"}
        kept = list(names)
        for name in names:
            command = readers[self.store.read(("TYPE", name.decode()))[0]]
            span = ("+", "-") if command == "XREVRANGE" else ()
            kept.append(repr(self.store.read((command, name.decode(), *span))).encode())
        return b"\n".join(kept)


def _listed(reply: Any) -> list[bytes]:
    return [bytes(name) for name in reply]


def flight_of(fill: dict[str, Any]) -> int | None:
    """The number of the flight that stands in a slot."""
    return int(fill["creative"]["flight"].removeprefix("flt_")) if fill["status"] == "filled" else None


def flights_of(answer: dict[str, Any]) -> list[int | None]:
    return [flight_of(fill) for fill in answer["fills"]]
