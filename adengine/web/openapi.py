"""The API describes itself: OpenAPI 3.1 from the routes' own schemas."""

from __future__ import annotations

import http
from typing import Any

import flask
import flask_smorest
import marshmallow
from apispec import BasePlugin
from marshmallow import fields

from adengine.web.body import StrictParser
from adengine.web.problems import MEDIA_TYPE

DOCUMENT_PATH = "/openapi.json"
VERSION = "v1"


class MistakeOut(marshmallow.Schema):
    pointer = fields.String(
        required=True,
        metadata={"description": "A JSON pointer into the body, ?name of the query, or header:Name."},
    )
    detail = fields.String(required=True)


class ProblemOut(marshmallow.Schema):
    """RFC 9457."""

    type = fields.String(required=True, metadata={"description": "A page that explains it, /problems/<name>."})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    request_id = fields.String(required=True, allow_none=True)
    errors = fields.List(fields.Nested(MistakeOut), metadata={"description": "Every mistake, not only the first."})


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A documented blueprint whose `@arguments` read strict JSON and refuse unknown names."""

    ARGUMENTS_PARSER = StrictParser()


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest's, with our problems for its errors and no pages of its own."""

    ERROR_SCHEMA = ProblemOut

    def _register_error_handlers(self) -> None:
        """`web.problems` answers every failure; flask-smorest's own handler would lose `Allow` on a 405."""

    def _register_responses(self) -> None:
        for status in http.HTTPStatus:
            self.spec.components.response(status.name, _problem_response(status.phrase), lazy=True)
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, _problem_response("Any problem"), lazy=True)


class _AnyProblem(BasePlugin):
    """Every operation may also answer with a problem, whatever it lists itself."""

    def operation_helper(
        self,
        path: str | None = None,  # noqa: ARG002  apispec names it
        operations: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        for operation in (operations or {}).values():
            operation.setdefault("responses", {}).setdefault("default", Api.DEFAULT_ERROR_RESPONSE_NAME)


def install(app: flask.Flask) -> Api:
    """An `Api` to register the slices' blueprints with; it serves its document at `DOCUMENT_PATH`."""
    app.config.update(
        API_TITLE="adengine",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={
            "info": {"description": "Sponsor lines for the slots of a page: chosen, capped, counted."},
            "servers": [{"url": "/"}],
        },
    )
    api = Api(app, spec_kwargs={"extra_plugins": [_AnyProblem()]})
    api.spec.components.security_scheme("key", {"type": "http", "scheme": "bearer", "description": "An API key."})
    return api


def _problem_response(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": ProblemOut}}}
