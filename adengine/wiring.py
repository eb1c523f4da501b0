"""`create_app`: the only place where things meet.

Nothing here waits for a store: an app comes up with the store or the database away and serves what it can (7-safety,
levels); /readyz says what is missing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import flask
from sqlalchemy import Engine

from adengine import places, texts, topics
from adengine.caps.claims import ReaderLog
from adengine.catalog import api as catalog_api
from adengine.catalog.nouns import Key
from adengine.catalog.watch import SnapshotWatcher
from adengine.console import pages as console_pages
from adengine.counting import api as counting_api
from adengine.counting.claims import Recorder
from adengine.counting.keyring import key_ring
from adengine.counting.load import Landings
from adengine.counting.tokens import TokenMinter, TokenReader
from adengine.errors import DatabaseUnavailable, Unsafe
from adengine.pacing import api as pacing_api
from adengine.pacing.claims import PacingStore
from adengine.pacing.leases import horizon_s
from adengine.pacing.watch import PaceWatcher
from adengine.places import api as places_api
from adengine.reporting import api as reporting_api
from adengine.serving import api as serving_api
from adengine.serving.fill import Filler
from adengine.serving.pace import Paces
from adengine.serving.readers import ReaderIds
from adengine.settings import Settings
from adengine.store import client, schema, sql
from adengine.topics import api as topics_api
from adengine.web import auth, health, hot, logs, manners, metrics, openapi, pages, problems
from adengine.web.hot import HotFlask
from adengine.web.limits import Limiter

TOKENS = "tokens"
"""The purpose of the keys that sign what beacons carry."""
PATIENT_MS = 250
"""Nobody looks at a beacon's answer, and a reader's rights are no page: they may wait longer for the store."""
STYLESHEET_S = 300
"""How long a browser keeps the slots' stylesheet before it asks again; its ETag then saves the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the slices share, one of each in a process."""

    settings: Settings
    store: client.Store
    """For pages."""
    patient: client.Store
    """The same, for what may wait `PATIENT_MS`."""
    engine: Engine
    gazetteer: places.Gazetteer
    taxonomy: topics.Taxonomy
    snapshots: SnapshotWatcher
    pace: PaceWatcher


def create_app(settings: Settings) -> flask.Flask:
    """The WSGI app; its watchers run from now on. Raises `Unsafe` without an address or a secret to use."""
    logs.configure(settings.log_level)
    parts = connect(settings)
    parts.snapshots.start()
    parts.pace.start()
    app = HotFlask("adengine", static_folder=None)
    app.extensions["adengine"] = parts
    manners.install(app)
    problems.install(app)
    metrics.install(app)
    health.install(app, _readiness(parts))
    auth.install(app, lambda digest: _key(parts, digest))
    _add_routes(app, parts)
    return app


def connect(settings: Settings) -> Parts:
    """Opens everything, connects to nothing yet."""
    if not settings.redis_url or not settings.secret_key:
        raise Unsafe(
            "a worker alone has no store and no secret: start it with python -m adengine serve, "
            "or set ADENGINE_REDIS_URL and ADENGINE_SECRET_KEY"
        )
    engine = sql.engine(settings.database)
    patient = client.connect(settings.redis_url, timeout_ms=PATIENT_MS)
    return Parts(
        settings=settings,
        store=client.connect(settings.redis_url, timeout_ms=settings.store_timeout_ms),
        patient=patient,
        engine=engine,
        gazetteer=places.load(settings.data_dir),
        taxonomy=topics.load(),
        snapshots=SnapshotWatcher(
            engine, settings.data_dir, _key_for("snapshot", settings), poll_ms=settings.snapshot_poll_ms
        ),
        pace=PaceWatcher(PacingStore(patient, horizon_s(settings.hold_s))),
    )


def _add_routes(app: HotFlask, parts: Parts) -> None:
    api = openapi.install(app)
    managed = [
        _catalogue(parts),
        pacing_api.blueprint(parts.engine, parts.gazetteer, parts.taxonomy, parts.settings.timezone),
        reporting_api.blueprint(parts.engine, parts.gazetteer, parts.taxonomy),
    ]
    Limiter().guard(*managed)
    filler, fills, pages_fills = _serving(parts)
    app.add_hot_route(fills)
    for blueprint in (
        pages_fills,
        _beacons(parts),
        places_api.blueprint(parts.gazetteer),
        topics_api.blueprint(parts.taxonomy),
        *managed,
    ):
        api.register_blueprint(blueprint)
    app.register_blueprint(pages.blueprint(api))
    app.register_blueprint(console_pages.blueprint(filler, parts.snapshots, parts.taxonomy, parts.settings.base_url))
    app.add_url_rule("/static/slot.css", "slot_css", _stylesheet)


def _catalogue(parts: Parts) -> openapi.Blueprint:
    blueprint = catalog_api.blueprint(
        parts.engine, parts.gazetteer, parts.taxonomy, http_landing=parts.settings.allow_http_landing
    )
    blueprint.after_request(lambda answer: _refreshed(parts, answer))
    return blueprint


def _serving(parts: Parts) -> tuple[Filler, hot.Route, openapi.Blueprint]:
    settings = parts.settings
    reader_ids = ReaderIds(settings.secret_key)
    filler = Filler(
        snapshots=parts.snapshots,
        reader_log=ReaderLog(parts.store),
        reader_ids=reader_ids,
        minter=TokenMinter(key_ring(TOKENS, settings.secret_key)),
        gazetteer=parts.gazetteer,
        taxonomy=parts.taxonomy,
        base_url=settings.base_url,
        hold_s=settings.hold_s,
        store_timeout_ms=settings.store_timeout_ms,
        monotonic=time.monotonic,
        paces=Paces(parts.pace.sheet, parts.pace.leases),
    )
    route = serving_api.FillRoute(filler, parts.snapshots)
    rights = serving_api.blueprint(route, parts.snapshots, ReaderLog(parts.patient), reader_ids)
    return filler, serving_api.hot_route(route), rights


def _beacons(parts: Parts) -> openapi.Blueprint:
    tokens = TokenReader(key_ring(TOKENS, parts.settings.secret_key))
    recorder = Recorder(parts.patient, tokens, parts.snapshots.current, hold_s=parts.settings.hold_s)
    return counting_api.blueprint(recorder, Landings(parts.engine, parts.snapshots.current))


def _refreshed(parts: Parts, answer: flask.Response) -> flask.Response:
    """The worker that made an edit shows it at once; the others within `snapshot_poll_ms`."""
    if flask.request.method not in ("GET", "HEAD", "OPTIONS") and answer.status_code < 400:
        parts.snapshots.refresh()
    return answer


def _key(parts: Parts, digest: bytes) -> Key | None:
    """From the snapshot, so that a key is known while the database is away and a revoked one is not within seconds."""
    snapshot = parts.snapshots.current()
    if snapshot is None:
        raise DatabaseUnavailable("there is no catalogue yet: the database has not answered since the start")
    return snapshot.keys.get(digest)


def _readiness(parts: Parts) -> tuple[health.Part, ...]:
    return (
        health.Part(name="store", probe=parts.store.ping),
        health.Part(name="database", probe=lambda: schema.check(parts.engine)),
        health.Part(name="snapshot", probe=lambda: _probe_snapshot(parts.snapshots)),
    )


def _probe_snapshot(snapshots: SnapshotWatcher) -> None:
    if snapshots.current() is None:
        raise DatabaseUnavailable("no catalogue has been read yet")


def _key_for(purpose: str, settings: Settings) -> bytes:
    ring = key_ring(purpose, settings.secret_key)
    return ring.keys[ring.current]


def _stylesheet() -> flask.Response:
    answer = flask.Response(texts.stylesheet(), content_type="text/css; charset=utf-8")
    answer.headers["Cache-Control"] = f"public, max-age={STYLESHEET_S}"
    answer.add_etag()
    answer.make_conditional(flask.request)
    return answer
