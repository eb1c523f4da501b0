"""The beacons: GET|POST /v1/i/<token> and /v1/v/<token>, and GET /v1/c/<token>, which sends the reader on.

The client is told nothing of what was decided: every token gets the same bytes. Only when the store is away, and
nothing could be recorded, an impression or viewable is answered with 503 and may be sent again. A click is sent on even
then; it is counted by nobody.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import flask
import structlog
from flask.views import MethodView

from adengine.counting.claims import Recorder, Sighting
from adengine.counting.load import Landings
from adengine.counting.metrics import NONE, Kind
from adengine.counting.tokens import CHARS
from adengine.counting.traffic.caller import caller_of
from adengine.errors import NotFound, StoreUnavailable
from adengine.web import metrics
from adengine.web.hot import NO_CONTENT, Answer, Beacon, raise_again
from adengine.web.openapi import Blueprint

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent GIF of 1×1."""
HEADERS = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "cross-origin"}
SHOWN = {
    "in": "query",
    "name": "v",
    "description": "Index of the variant that the page shows, from 0; anything else is ignored.",
    "schema": {"type": "string"},
}
IMAGE = {"type": "string", "contentMediaType": "image/gif"}
_PLAIN_QUERY = re.compile(r"(?:v=([0-9]{0,9}))?", re.ASCII)
_SEEN = Answer((("Content-Type", "text/html; charset=utf-8"), *HEADERS.items()), b"", NO_CONTENT)
_SEEN_AS_IMAGE = Answer((("Content-Type", "image/gif"), *HEADERS.items()), PIXEL)
_log = structlog.get_logger("adengine.beacons")


def blueprint(recorder: Recorder, landings: Landings, proxies: int = 0) -> Blueprint:
    """proxies: how many of ours stand before the engine."""
    blp = Blueprint("beacons", __name__, description="What was shown, seen and clicked. Open to every browser.")
    for path, kind in (("/v1/i/<token>", Kind.IMPRESSION), ("/v1/v/<token>", Kind.VIEWABLE)):
        _add_beacon(blp, path, kind, recorder, proxies)

    @blp.route("/v1/c/<token>")
    class Click(MethodView):
        @blp.response(302, description="To the landing URL of the creative that was shown.")
        def get(self, token: str) -> flask.typing.ResponseReturnValue:
            """Counts a click and sends the reader on. HEAD is sent on too and does not count."""
            return _click(token, recorder, landings, proxies)

    return blp


def hot_beacons(recorder: Recorder, proxies: int = 0) -> tuple[Beacon, ...]:
    """The same as the views of impressions and viewables, past Flask."""
    return (
        Beacon(rule="/v1/i/<token>", way=_way(Kind.IMPRESSION, recorder, proxies)),
        Beacon(rule="/v1/v/<token>", way=_way(Kind.VIEWABLE, recorder, proxies)),
    )


def _way(kind: Kind, recorder: Recorder, proxies: int) -> Callable[[str, WSGIEnvironment], Answer | None]:
    def way(token: str, environ: WSGIEnvironment) -> Answer | None:
        query = _PLAIN_QUERY.fullmatch(environ.get("QUERY_STRING", ""))
        if query is None or len(token) != CHARS:
            return None
        is_get = environ["REQUEST_METHOD"] == "GET"
        is_measurable = kind is Kind.VIEWABLE or not is_get
        sighting = Sighting(_variant(query[1] or ""), is_measurable, caller_of(environ, proxies))
        recorder.record(recorder.open(token, kind), kind, sighting)
        return _SEEN_AS_IMAGE if is_get and "image/" in environ.get("HTTP_ACCEPT", "") else _SEEN

    return way


def _add_beacon(blp: Blueprint, path: str, kind: Kind, recorder: Recorder, proxies: int) -> None:
    @blp.route(path, endpoint=kind.name.lower(), parameters=[SHOWN])
    class Beacon(MethodView):
        @blp.response(204, description="Received.")
        @blp.alt_response(200, schema=IMAGE, content_type="image/gif", description="The same, for Accept: image/*.")
        def get(self, token: str) -> flask.Response:
            """Counts one event, once. HEAD does not count."""
            _record(token, kind, recorder, proxies)
            return _received(as_image="image/" in flask.request.headers.get("Accept", ""))

        @blp.response(204, description="Received.")
        def post(self, token: str) -> flask.Response:
            """Counts one event, once; sent by a script, which can also measure viewability. The body is not read."""
            _record(token, kind, recorder, proxies)
            return _received(as_image=False)


def _record(token: str, kind: Kind, recorder: Recorder, proxies: int) -> None:
    raise_again()
    is_measurable = kind is Kind.VIEWABLE or flask.request.method == "POST"
    caller = caller_of(flask.request.environ, proxies)
    sighting = Sighting(_variant(flask.request.args.get("v", "")), is_measurable, caller)
    recorder.record(recorder.open(token, kind), kind, sighting)


def _click(token: str, recorder: Recorder, landings: Landings, proxies: int) -> flask.typing.ResponseReturnValue:
    opened = recorder.open(token, Kind.CLICK)
    landing = landings.of(opened.served) if opened.served is not None else None
    try:
        recorder.record(opened, Kind.CLICK, Sighting(caller=caller_of(flask.request.environ, proxies)))
    except StoreUnavailable as error:
        metrics.count("adengine_store_failures", "click")
        _log.warning("click not counted", why=error.detail)
    if landing is None:
        raise NotFound("this link leads nowhere: it was not made by us, or what it led to was never approved")
    answer = flask.redirect(landing, 302)
    answer.headers.update(HEADERS)
    return answer


def _received(*, as_image: bool) -> flask.Response:
    answer = flask.Response(PIXEL, 200, content_type="image/gif") if as_image else flask.Response(status=204)
    answer.headers.update(HEADERS)
    return answer


def _variant(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 3 else NONE
