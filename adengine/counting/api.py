"""The beacons: GET|POST /v1/i/<token> and /v1/v/<token>, and GET /v1/c/<token>, which sends the reader on.

The client is told nothing of what was decided: every token gets the same bytes. Only when the store is away, and
nothing could be recorded, an impression or viewable is answered with 503 and may be sent again. A click is sent on even
then; it is counted by nobody.
"""

from __future__ import annotations

import base64

import flask
import structlog
from flask.views import MethodView

from adengine.counting.claims import Recorder, Sighting
from adengine.counting.load import Landings
from adengine.counting.metrics import NONE, Kind
from adengine.errors import NotFound, StoreUnavailable
from adengine.web import metrics
from adengine.web.openapi import Blueprint

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
_log = structlog.get_logger("adengine.beacons")


def blueprint(recorder: Recorder, landings: Landings) -> Blueprint:
    blp = Blueprint("beacons", __name__, description="What was shown, seen and clicked. Open to every browser.")
    for path, kind in (("/v1/i/<token>", Kind.IMPRESSION), ("/v1/v/<token>", Kind.VIEWABLE)):
        _add_beacon(blp, path, kind, recorder)

    @blp.route("/v1/c/<token>")
    class Click(MethodView):
        @blp.response(302, description="To the landing URL of the creative that was shown.")
        def get(self, token: str) -> flask.typing.ResponseReturnValue:
            """Counts a click and sends the reader on. HEAD is sent on too and counts nothing."""
            return _click(token, recorder, landings)

    return blp


def _add_beacon(blp: Blueprint, path: str, kind: Kind, recorder: Recorder) -> None:
    @blp.route(path, endpoint=kind.name.lower(), parameters=[SHOWN])
    class Beacon(MethodView):
        @blp.response(204, description="Received.")
        @blp.alt_response(200, schema=IMAGE, content_type="image/gif", description="The same, for Accept: image/*.")
        def get(self, token: str) -> flask.Response:
            """Counts one event, once. HEAD counts nothing."""
            if flask.request.method == "GET":
                _record(token, kind, recorder)
            return _received(as_image="image/" in flask.request.headers.get("Accept", ""))

        @blp.response(204, description="Received.")
        def post(self, token: str) -> flask.Response:
            """Counts one event, once; sent by a script, which can also measure viewability. The body is not read."""
            _record(token, kind, recorder)
            return _received(as_image=False)


def _record(token: str, kind: Kind, recorder: Recorder) -> None:
    is_measurable = kind is Kind.VIEWABLE or flask.request.method == "POST"
    sighting = Sighting(_variant(flask.request.args.get("v", "")), is_measurable)
    recorder.record(recorder.open(token, kind), kind, sighting)


def _click(token: str, recorder: Recorder, landings: Landings) -> flask.typing.ResponseReturnValue:
    opened = recorder.open(token, Kind.CLICK)
    landing = landings.of(opened.served) if opened.served is not None else None
    if flask.request.method == "GET":
        try:
            recorder.record(opened, Kind.CLICK)
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
