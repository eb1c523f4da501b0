"""The pages of reports: as people read them, made by scripts out of the API's answers.

The pages hold nothing and know nobody: whoever looks gives a key, which stays in his tab and goes to the API alone.
"""

from __future__ import annotations

from pathlib import Path

import flask

from adengine import zones
from adengine.console.static_files import served
from adengine.reporting.dimensions import DIMENSIONS
from adengine.reporting.metrics import METRICS
from adengine.reporting.periods import PERIODS
from adengine.reporting.reconcile.uploads import COUNTS, ROWS_MAX, THINGS
from adengine.reporting.saved.schedule import EVERY

STATIC = Path(__file__).resolve().parent / "static" / "reports"
CHOSEN = ("impressions", "viewable_rate", "clicks", "ctr", "invalid")
"""What is ticked at first."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def blueprint() -> flask.Blueprint:
    blp = flask.Blueprint("reports_pages", __name__, template_folder="templates")
    names = sorted(zones.names())

    @blp.get("/reports")
    def builder() -> flask.Response:
        return _page(
            "reports.html",
            zones=names,
            dimensions=DIMENSIONS,
            metrics=METRICS,
            chosen=CHOSEN,
            periods=PERIODS,
            every=EVERY,
        )

    @blp.get("/reports/campaign")
    def campaign() -> flask.Response:
        return _page("campaign.html", zones=names)

    @blp.get("/reports/why-empty")
    def why_empty() -> flask.Response:
        return _page("why_empty.html", zones=names, dimensions=DIMENSIONS)

    @blp.get("/reports/reconcile")
    def reconcile() -> flask.Response:
        return _page("reconcile.html", zones=names, things=THINGS, counts=COUNTS, rows_max=ROWS_MAX)

    @blp.get("/reports/shared")
    def shared() -> flask.Response:
        return _page("shared.html", metrics=METRICS)

    for path in sorted(STATIC.iterdir()):
        blp.add_url_rule(f"/static/reports/{path.name}", path.name.replace(".", "_"), served(path))
    return blp


def _page(template: str, **values: object) -> flask.Response:
    answer = flask.make_response(flask.render_template(template, **values))
    answer.headers["Content-Security-Policy"] = POLICY
    return answer
