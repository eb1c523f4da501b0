"""A small app with the shared manners and a few routes that need them."""

from __future__ import annotations

import dataclasses

import flask
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from adengine.errors import Conflict, DatabaseUnavailable, NotFound, TooMany
from adengine.web import auth, body, health, manners, metrics, openapi, pages, problems
from adengine.web.limits import Limiter

KEYS = {"fill-key": frozenset({"fill"}), "manage-key": frozenset({"manage"})}


@dataclasses.dataclass(frozen=True)
class AKey:
    scopes: frozenset[str]


class LineIn(Schema):
    role = fields.String(required=True)
    text = fields.String(required=True, validate=validate.Length(min=1, max=20))


class ThingIn(Schema):
    name = fields.String(required=True)
    count = fields.Integer(strict=True)
    variants = fields.List(fields.Nested(LineIn))


class ThingQuery(Schema):
    limit = fields.Integer(validate=validate.Range(1, 100))


def an_app(*, parts: tuple[health.Part, ...] = (), rate: str = "1000 per minute") -> flask.Flask:
    app = flask.Flask("small", static_folder=None)
    manners.install(app)
    problems.install(app)
    metrics.install(app)
    health.install(app, parts)
    auth.install(app, {auth.digest(key): AKey(scopes) for key, scopes in KEYS.items()}.get)
    api = openapi.install(app)
    guarded = _guarded()
    Limiter(rate).guard(guarded)
    api.register_blueprint(guarded)
    app.register_blueprint(pages.blueprint(api))
    _add_plain(app)
    return app


def _guarded() -> openapi.Blueprint:
    blp = openapi.Blueprint("things", __name__, description="Things.")

    @blp.route("/v1/things")
    class Things(MethodView):
        @auth.requires("manage", "admin")
        @blp.arguments(ThingQuery, location="query")
        @blp.response(200, ThingIn(many=True))
        def get(self, query: dict[str, object]) -> list[object]:
            """Things."""
            return []

        @auth.requires("manage")
        @blp.arguments(ThingIn)
        @blp.response(201, ThingIn)
        def post(self, thing: dict[str, object]) -> dict[str, object]:
            """A new thing."""
            return thing

    return blp


def _add_plain(app: flask.Flask) -> None:
    raised = {
        "conflict": Conflict("it is archived"),
        "absent": NotFound("no such thing"),
        "often": TooMany("slower, please", 7),
        "away": DatabaseUnavailable("the database is away"),
        "bug": ZeroDivisionError("reader-key-4711 in a message"),
    }

    @app.get("/raise/<name>")
    def fail(name: str) -> str:
        raise raised[name]

    @app.post("/echo")
    def echo() -> flask.Response:
        return flask.jsonify(body.read_json(bytes_max=1000))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
