"""POST /v1/fill, which pages call, and the reader's rights: GET /v1/readers/<key>, POST /v1/readers/forget."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Protocol

import flask
import structlog
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from adengine.caps.claims import ReaderLog
from adengine.catalog import ids
from adengine.catalog.nouns import Key, Scope
from adengine.catalog.snapshot import Snapshot
from adengine.errors import DatabaseUnavailable, Forbidden, Invalid, Mistake, NotFound
from adengine.serving.answered import Answered, nothing
from adengine.serving.fill import Filler
from adengine.serving.outside import Moment, Snapshots
from adengine.serving.readers import ReaderIds, reader_document
from adengine.serving.request import BYTES_MAX, READER_CHARS_MAX, Asked, FillForm, parse
from adengine.serving.schemas import FillOut, ForgottenOut, ReaderOut
from adengine.web import auth, hot, metrics, request_ids
from adengine.web.body import read_bytes
from adengine.web.hot import Answer
from adengine.web.openapi import Blueprint

PAGES = (Scope.FILL, Scope.MANAGE)
JSON = "application/json"
RULE = "/v1/fill"
KEYS_KEPT = 1024
HEADERS = (("Content-Type", JSON), ("Cache-Control", "no-store"))
_log = structlog.get_logger("adengine.fill")
_SITE = {"description": "Needed when the key is not bound to a site.", "example": "site_1"}


class ForgetIn(Schema):
    key = fields.String(
        required=True,
        validate=validate.Length(1, READER_CHARS_MAX),
        metadata={"description": "The reader.key that fills are sent with."},
    )
    site = fields.String(load_default=None, allow_none=True, metadata=_SITE)


class ReaderQuery(Schema):
    site = fields.String(load_default=None, metadata=_SITE)


class Sampler(Protocol):
    """What is asked of `decisions.witness.Witness`."""

    def wants(self, asked: Asked, moment: Moment, /) -> bool: ...
    def fill(self, filler: Filler, asked: Asked, key: Key | None, moment: Moment, /) -> Answered: ...


class FillRoute:
    """`POST /v1/fill` from bytes to bytes; one is shared by all threads of a worker."""

    def __init__(
        self,
        filler: Filler,
        snapshots: Snapshots,
        clock: Callable[[], float] = time.time,
        sampler: Sampler | None = None,
    ) -> None:
        """clock: epoch seconds."""
        self._sampler = sampler
        self._filler = filler
        self._snapshots = snapshots
        self._clock = clock
        self._level: str | None = None
        self._keys: tuple[Snapshot | None, dict[str | None, Key]] = (None, {})
        """Those of one snapshot that were let in, by the header that they came in."""

    def answer(self, authorization: str | None, body: bytes, request: bytes, request_id: str) -> Answer:
        """Raises `Unauthorized`, `Forbidden`, `TooLarge`, `Malformed` and `Invalid`; a fault of ours never raises.

        authorization: the header.  request: the request's id, 16 bytes.  request_id: the same in letters.
        """
        snapshot = self._snapshots.current()
        # Without a catalogue no key is known; every page gets the same empty answer then, whoever sends it.
        key = self._key(authorization, snapshot) if snapshot is not None else None
        asked = parse(body)
        if key is not None and asked.privileged and Scope.MANAGE not in key.scopes:
            raise Forbidden("explain, preview, now_s and seed need a key with the scope manage")
        moment = moment_of(asked, int(self._clock()), request, request_id)
        try:
            sampler = self._sampler
            if sampler is not None and sampler.wants(asked, moment):
                answered = sampler.fill(self._filler, asked, key, moment)
            else:
                answered = self._filler.fill(asked, key, moment)
        except Exception:  # noqa: BLE001
            # The last line of defence of every page that we stand on: our mistake costs it a line, never an error.
            _log.exception("fill_failed", request_id=moment.request_id)
            answered = nothing(asked, moment, "internal_fault", degraded="L4")
        self._measure(answered)
        return Answer(HEADERS, answered.body)

    def _key(self, authorization: str | None, snapshot: Snapshot) -> Key:
        """Raises `Unauthorized` and `Forbidden`."""
        of, known = self._keys
        if of is not snapshot:
            known = {}
            self._keys = snapshot, known
        key = known.get(authorization)
        if key is None:
            key = auth.permitted(authorization, PAGES, snapshot.keys.get)
            if len(known) >= KEYS_KEPT:
                known.clear()
            known[authorization] = key
        return key

    def _measure(self, answered: Answered) -> None:
        for fate in set(answered.fates):
            status, reason = fate
            metrics.series("adengine_fills", status, reason or "").inc(answered.fates.count(fate))
        level = answered.degraded
        if level is not None:
            metrics.count("adengine_degraded", level)
        if level == "L2":
            metrics.count("adengine_store_failures", "fill")
        if level != self._level:
            self._level = level
            _log.warning("degraded", level=level) if level is not None else _log.info("full_service")


def moment_of(asked: Asked, now_s: int, request: bytes, request_id: str = "") -> Moment:
    """When to decide, and under which id; with a seed that is drawn from it too, so that a replay gives the same bytes.

    request: 16 bytes, for a page without a seed.  request_id: the same in letters, if they are known.
    """
    now_s = now_s if asked.now_s is None else asked.now_s
    if asked.seed is not None:
        request = request_ids.ulid(now_s * 1000, blake2b(asked.seed.to_bytes(8, "big"), digest_size=10).digest())
        request_id = ""
    return Moment(now_s, request, request_id or request_ids.text_of(request))


def hot_route(route: FillRoute) -> hot.Route:
    """The same as the view of `blueprint`, past Flask."""
    return hot.Route(rule=RULE, bytes_max=BYTES_MAX, way=route.answer)


def blueprint(
    route: FillRoute,
    snapshots: Snapshots,
    reader_log: ReaderLog,
    reader_ids: ReaderIds,
    clock: Callable[[], float] = time.time,
    forgotten: Callable[[bytes, int], None] = lambda _rid, _now_s: None,
) -> Blueprint:
    """clock: epoch seconds.  forgotten: told (rid, epoch s) of each reader who was."""
    blp = Blueprint("fills", __name__, description="Lines for the slots of pages, and what readers may ask of us.")

    @blp.route(RULE)
    class Fill(MethodView):
        @blp.doc(
            security=[{"key": sorted(PAGES)}],
            requestBody={"required": True, "content": {JSON: {"schema": FillForm}}},
            responses={"401": "UNAUTHORIZED", "403": "FORBIDDEN", "422": "UNPROCESSABLE_ENTITY"},
        )
        @blp.response(200, FillOut)
        def post(self) -> flask.Response:
            """Fills all slots of a page. A fault of ours never breaks the page: it is 200 with `degraded` set."""
            authorization, body = flask.request.headers.get("Authorization"), read_bytes(bytes_max=BYTES_MAX)
            answer = route.answer(authorization, body, flask.g.request_id_bytes, flask.g.request_id)
            return flask.Response(answer.body, 200, answer.headers)

    _add_rights(blp, snapshots, reader_log, reader_ids, clock, forgotten)
    return blp


def _add_rights(
    blp: Blueprint,
    snapshots: Snapshots,
    reader_log: ReaderLog,
    reader_ids: ReaderIds,
    clock: Callable[[], float],
    forgotten: Callable[[bytes, int], None],
) -> None:
    @blp.route("/v1/readers/forget")
    class Forget(MethodView):
        @auth.requires(*PAGES)
        @blp.arguments(ForgetIn)
        @blp.response(200, ForgottenOut)
        def post(self, given: dict[str, Any]) -> dict[str, Any]:
            """Deletes all that is kept of a reader."""
            site = _site(given["site"], "/site", flask.g.key, snapshots)
            rid = reader_ids.rid(site, given["key"])
            forgotten(rid, int(clock()))
            return {"forgotten": reader_log.forget(rid)}

    @blp.route("/v1/readers/<path:key>")
    class Reader(MethodView):
        @auth.requires(*PAGES)
        @blp.arguments(ReaderQuery, location="query")
        @blp.response(200, ReaderOut)
        def get(self, given: dict[str, Any], key: str) -> dict[str, Any]:
            """All that is kept of a reader."""
            site = _site(given["site"], "?site", flask.g.key, snapshots)
            return reader_document(reader_log.peek(reader_ids.rid(site, key), now_s=int(clock()), view=0))


def _site(given: str | None, pointer: str, key: Key, snapshots: Snapshots) -> int:
    """The site whose reader is meant: the key's, the one given, or the only one there is."""
    snapshot = snapshots.current()
    if snapshot is None:
        raise DatabaseUnavailable("there is no catalogue yet")
    named = ids.parse("site", given) if given is not None else None
    only = next(iter(snapshot.sites)) if len(snapshot.sites) == 1 else None
    site = key.site or (named if given is not None else only)
    if given is None and site is None:
        raise Invalid([Mistake(pointer, "is needed, because the key is not bound to a site")])
    if site is None or site not in snapshot.sites or (given is not None and named != site):
        raise NotFound("there is no such site")
    return site
