"""`create_app`: the only place where things meet.

Nothing here waits for a store: an app comes up with the store or the database away and serves what it can (7-safety,
levels); /readyz says what is missing.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import flask
import structlog
from sqlalchemy import Engine

from adengine import native, places, texts, topics
from adengine.caps.claims import ReaderLog
from adengine.catalog import api as catalog_api
from adengine.catalog.nouns import Key
from adengine.catalog.shelf import Shelf
from adengine.catalog.targets import devices
from adengine.catalog.watch import SnapshotWatcher
from adengine.console import methodology
from adengine.console import pages as console_pages
from adengine.console import reports as console_reports
from adengine.counting import api as counting_api
from adengine.counting.claims import Recorder
from adengine.counting.keyring import key_for, key_ring
from adengine.counting.load import Landings
from adengine.counting.spool import FOLDER as SPOOL
from adengine.counting.spool import Spool
from adengine.counting.tokens import TokenMinter, TokenReader
from adengine.counting.traffic import load as traffic
from adengine.counting.traffic.rules import Rules
from adengine.counting.traffic.verdicts import Traffic
from adengine.decisions.forgotten import Forgotten
from adengine.decisions.log import FOLDER as DECISIONS
from adengine.decisions.log import DecisionLog
from adengine.decisions.witness import Witness
from adengine.errors import DatabaseUnavailable, Unsafe
from adengine.pacing import api as pacing_api
from adengine.pacing.claims import PacingStore
from adengine.pacing.leases import horizon_s
from adengine.pacing.turns import Turns
from adengine.pacing.watch import PaceWatcher
from adengine.places import api as places_api
from adengine.reporting import api as reporting_api
from adengine.reporting.load import Desk
from adengine.reporting.segments import events_of
from adengine.reporting.terms import terms_of
from adengine.serving import api as serving_api
from adengine.serving.answered import Express
from adengine.serving.fill import Filler
from adengine.serving.outside import Outside, Terms
from adengine.serving.pace import Paces
from adengine.serving.readers import ReaderIds
from adengine.serving.reasons import REASONS
from adengine.settings import Settings
from adengine.store import client, schema, sql
from adengine.topics import api as topics_api
from adengine.web import auth, health, hot, logs, manners, metrics, openapi, pages, problems
from adengine.web.hot import HotFlask
from adengine.web.limits import Limiter

_log = structlog.get_logger("adengine.serving")
SNAPSHOTS = "snapshot"
"""The purpose of the key that signs compiled catalogues."""
CATALOGUES = "catalogues"
"""The folder of compiled catalogues, in the data directory."""
COMPILED = "_ADENGINE_COMPILED"
"""The environment variable by which `serve` tells its workers that another process compiles; not a setting."""
TURNS = "turns"
"""The file of promised shares, in the data directory."""
TOKENS = "tokens"
"""The purpose of the keys that sign what beacons carry."""
PATIENT_MS = 250
"""Nobody looks at a beacon's answer, and a reader's rights are no page: they may wait longer for the store."""
STYLESHEET_S = 300
"""How long a browser keeps the slots' stylesheet before it asks again; its ETag then saves the bytes."""


ADVICE = {reason.name: (reason.sentence, reason.remedy) for reason in REASONS}


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
            engine,
            shelf_of(settings),
            poll_ms=settings.snapshot_poll_ms,
            compiles=not os.environ.get(COMPILED),
        ),
        pace=PaceWatcher(PacingStore(patient, horizon_s(settings.hold_s))),
    )


def shelf_of(settings: Settings) -> Shelf:
    """Where compiled catalogues lie."""
    return Shelf(settings.data_dir / CATALOGUES, key_for(SNAPSHOTS, settings.secret_key))


def _add_routes(app: HotFlask, parts: Parts) -> None:
    api = openapi.install(app)
    managed = [
        _catalogue(parts),
        pacing_api.blueprint(parts.engine, parts.gazetteer, parts.taxonomy, parts.settings.timezone),
        reporting_api.blueprint(
            Desk(
                parts.engine,
                parts.gazetteer,
                parts.taxonomy,
                parts.settings.small_cells,
                events=events_of(parts.settings),
            ),
            advice=ADVICE,
            terms=terms_of(parts.settings),
        ),
    ]
    Limiter().guard(*managed)
    filler, fills, pages_fills = _serving(parts)
    app.add_hot_route(fills)
    rules = traffic.load(parts.settings.traffic_rules)
    recorder = _recorder(parts, rules)
    for beacon in counting_api.hot_beacons(recorder, parts.settings.proxies):
        app.add_hot_beacon(beacon)
    for blueprint in (
        pages_fills,
        counting_api.blueprint(recorder, Landings(parts.engine, parts.snapshots.current), parts.settings.proxies),
        places_api.blueprint(parts.gazetteer),
        topics_api.blueprint(parts.taxonomy),
        *managed,
    ):
        api.register_blueprint(blueprint)
    app.register_blueprint(pages.blueprint(api))
    app.register_blueprint(console_reports.blueprint())
    app.register_blueprint(methodology.blueprint(parts.settings, rules))
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
    devices.make_ready()
    reader_ids = ReaderIds(settings.secret_key)
    reader_log = ReaderLog(parts.store)
    filler = Filler(
        outside=Outside(
            snapshots=parts.snapshots,
            reader_log=reader_log,
            wagers=reader_log,
            reader_ids=reader_ids,
            paces=Paces(parts.pace.sheet, parts.pace.leases, Turns(settings.data_dir / TURNS), parts.pace.learnt),
            monotonic=time.monotonic,
        ),
        minter=TokenMinter(key_ring(TOKENS, settings.secret_key)),
        gazetteer=parts.gazetteer,
        taxonomy=parts.taxonomy,
        terms=Terms(settings.base_url, settings.hold_s, settings.store_timeout_ms),
    )
    filler.express = _express(filler, settings.express)
    route = serving_api.FillRoute(filler, parts.snapshots, sampler=_sampler(settings))
    forgotten = Forgotten(parts.patient, settings.decision_keep_days)
    rights = serving_api.blueprint(
        route, parts.snapshots, ReaderLog(parts.patient), reader_ids, forgotten=forgotten.add
    )
    return filler, serving_api.hot_route(route), rights


def _express(filler: Filler, setting: str) -> Express | None:
    """What answers ordinary pages sooner, if it is wanted and was compiled; the log says so once in a process."""
    line = native.module("express.line") if setting == "auto" else None
    if line is None:
        _log.info("fills_not_compiled", why=native.unbuilt() if setting == "auto" else f"ADENGINE_EXPRESS is {setting}")
        return None
    _log.info("fills_compiled")
    made: Express = line.Express(filler)
    return made


def _sampler(settings: Settings) -> Witness | None:
    if not settings.decision_sample:
        return None
    return Witness(DecisionLog(settings.data_dir / DECISIONS), settings.decision_sample)


def _recorder(parts: Parts, rules: Rules) -> Recorder:
    tokens = TokenReader(key_ring(TOKENS, parts.settings.secret_key))
    return Recorder(
        parts.patient, tokens, parts.snapshots.current, hold_s=parts.settings.hold_s,
        traffic=Traffic(rules),
        spool=Spool(parts.settings.data_dir / SPOOL, parts.settings.spool_mb * 2**20),
    )  # fmt: skip


def _refreshed(parts: Parts, answer: flask.Response) -> flask.Response:
    """The worker that made an edit shows it at once; the others within `snapshot_poll_ms`."""
    if flask.request.method not in ("GET", "HEAD", "OPTIONS") and answer.status_code < 400:
        parts.snapshots.show_edit()
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


def _stylesheet() -> flask.Response:
    answer = flask.Response(texts.stylesheet(), content_type="text/css; charset=utf-8")
    answer.headers["Cache-Control"] = f"public, max-age={STYLESHEET_S}"
    answer.add_etag()
    answer.make_conditional(flask.request)
    return answer
