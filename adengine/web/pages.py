"""Pages of the HTTP layer itself: /openapi.json, /docs, /problems/<name>, and its static files. No outside asset."""

from __future__ import annotations

import flask
import orjson

from adengine.errors import NotFound
from adengine.web.headers import PAGE_POLICY
from adengine.web.openapi import DOCUMENT_PATH, Api
from adengine.web.problem_table import BY_NAME, PROBLEMS

DOCS_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Swagger UI draws some icons from data: URLs; nothing else leaves this origin, and no inline script or style runs."""


def blueprint(api: Api) -> flask.Blueprint:
    blp = flask.Blueprint(
        "web", __name__, template_folder="templates", static_folder="static", static_url_path="/static/web"
    )
    blp.add_url_rule("/problems/", "problems", _problems)
    blp.add_url_rule("/problems/<name>", "problem", _problem)
    blp.add_url_rule("/docs", "docs", _docs)
    blp.add_url_rule(DOCUMENT_PATH, "document", lambda: _document(api))
    return blp


def _document(api: Api) -> flask.Response:
    return flask.Response(orjson.dumps(api.spec.to_dict()), mimetype="application/json")


def _docs() -> flask.Response:
    page = flask.make_response(flask.render_template("docs.html", document=DOCUMENT_PATH))
    page.headers["Content-Security-Policy"] = DOCS_POLICY
    return page


def _problems() -> flask.Response:
    return _page("Problems", PROBLEMS)


def _problem(name: str) -> flask.Response:
    if name not in BY_NAME:
        raise NotFound("no problem is called so; /problems/ lists them all")
    return _page(BY_NAME[name].title, (BY_NAME[name],))


def _page(title: str, problems: tuple[object, ...]) -> flask.Response:
    page = flask.make_response(flask.render_template("problem.html", title=title, problems=problems))
    page.headers["Content-Security-Policy"] = PAGE_POLICY
    return page
