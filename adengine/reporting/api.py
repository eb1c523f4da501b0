"""GET /v1/reports/delivery: what was asked for, shown, seen, clicked and charged, in any grouping."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import flask
import orjson
from flask.views import MethodView

from adengine.catalog.known import Known
from adengine.catalog.nouns import Key, Scope
from adengine.errors import Invalid, Mistake
from adengine.reporting import why_empty
from adengine.reporting.adjustments import api as adjustments
from adengine.reporting.delivery import Report, TooFew
from adengine.reporting.jobs import api as jobs
from adengine.reporting.load import Desk, Loaded
from adengine.reporting.manners.api import DELIVERED, answered, described, private
from adengine.reporting.query import PARAMETERS, Asked, parse
from adengine.reporting.reach import api as reach
from adengine.reporting.reconcile import api as reconcile
from adengine.reporting.saved import api as saved
from adengine.reporting.saved.links import api as links
from adengine.reporting.schema import DeliveryOut
from adengine.reporting.terms import Terms
from adengine.reporting.why_empty import Advice
from adengine.web import auth
from adengine.web.openapi import Blueprint


def blueprint(
    desk: Desk,
    *,
    advice: Advice,
    terms: Terms,
    clock: Callable[[], float] = time.time,
) -> Blueprint:
    """advice: on reasons of empty slots.  terms: of saved reports.

    clock: epoch s, for the default period.
    """
    blp = Blueprint("reports", __name__, description="What was delivered.")

    def reported(asked: Asked) -> tuple[Report, Loaded]:
        """What is asked for, within what the caller's key may see."""
        key: Key = flask.g.key
        return desk.report(asked, advertiser=key.advertiser, site=key.site)

    def refused(asked: Asked) -> Sequence[why_empty.Row]:
        """What caps refused; nothing where they refused too little for it to be told of the places asked for."""
        try:
            return reported(asked)[0].rows
        except TooFew:
            return ()

    @blp.route("/v1/reports/delivery")
    class Delivery(MethodView):
        @auth.requires(Scope.REPORT, Scope.MANAGE, Scope.ADVERTISE)
        @blp.doc(parameters=[described(parameter) for parameter in PARAMETERS])
        @blp.response(200, DeliveryOut, content_type="application/json")
        @blp.doc(responses=DELIVERED)
        def get(self) -> flask.Response:
            """The delivery report. Advertisers see their own flights, keys of a site that site."""
            asked = parse(flask.request.args.to_dict(flat=False), desk.world, int(clock()))
            report, loaded = reported(asked)
            return answered(report, loaded.standing, asked.format, asked.has_front)

    @blp.route("/v1/reports/why-empty")
    class WhyEmpty(MethodView):
        @auth.requires(Scope.REPORT, Scope.MANAGE)
        @blp.doc(parameters=[described(each) for each in PARAMETERS if each.name in why_empty.PARAMETERS])
        @blp.response(200, why_empty.WhyEmptyOut)
        def get(self) -> flask.Response:
            """Slots without a sponsor, the reasons and what would change them, and what caps have cost."""
            given = flask.request.args.to_dict(flat=False)
            strange = [Mistake(f"?{name}", "no such parameter") for name in given if name not in why_empty.PARAMETERS]
            if strange:
                raise Invalid(strange)
            now_s = int(clock())
            slots, loaded = reported(parse(given | why_empty.SLOTS, desk.world, now_s))
            caps = refused(parse(given | why_empty.CAPS, desk.world, now_s))
            document = why_empty.why_empty(slots.rows, caps, advice) | loaded.standing
            return private(flask.Response(orjson.dumps(document), content_type="application/json"))

    reach.add_routes(blp, desk.engine)
    reconcile.add_routes(blp, desk)
    jobs.add_routes(blp, desk, terms.keep_s, clock)
    shelf = saved.Shelf(desk, terms, clock)
    saved.add_routes(blp, shelf)
    links.add_routes(blp, shelf)
    known = Known(gazetteer=desk.gazetteer, taxonomy=desk.taxonomy)
    adjustments.add_routes(blp, desk.engine, known, clock)
    return blp
