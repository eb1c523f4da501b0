"""Failures become RFC 9457 problem documents here, and nowhere else.

Members: type (a page we serve), title, status, detail, request_id, errors ([{pointer, detail}], every mistake).
Headers that HTTP asks for stay: Allow, Retry-After, WWW-Authenticate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import flask
import orjson
import structlog
from werkzeug.exceptions import HTTPException, InternalServerError

from adengine import errors
from adengine.web import request_ids
from adengine.web.mistakes import mistakes_of
from adengine.web.problem_table import BY_NAME, BY_STATUS, Problem, problem_of

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="adengine"'
_OURS_TO_SET = frozenset({"content-type", "content-length"})
_log = structlog.get_logger("adengine.web")


def install(app: flask.Flask) -> None:
    """Registers the translations; an unexpected exception is logged with its trace and answered without it."""
    app.register_error_handler(errors.AdengineError, of_ours)
    app.register_error_handler(HTTPException, of_http)
    app.register_error_handler(Exception, of_the_unexpected)


def document(
    problem: Problem, detail: str, *, mistakes: Sequence[errors.Mistake] = (), headers: Mapping[str, str] | None = None
) -> flask.Response:
    body: dict[str, object] = {
        "type": f"/problems/{problem.name}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "request_id": request_ids.current(),
    }
    if mistakes:
        body["errors"] = [{"pointer": mistake.pointer, "detail": mistake.detail} for mistake in mistakes]
    answer = flask.Response(orjson.dumps(body), problem.status, content_type=MEDIA_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer


def of_ours(error: errors.AdengineError) -> flask.Response:
    problem = problem_of(error)
    if problem.status == InternalServerError.code:
        return of_the_unexpected(error)
    mistakes = error.mistakes if isinstance(error, errors.Invalid) else ()
    return document(problem, error.detail, mistakes=mistakes, headers=_headers_for(error))


def of_http(error: HTTPException) -> flask.typing.ResponseReturnValue:
    """A failure that werkzeug found (405, 413, 415, …); redirects pass untouched."""
    status = error.code or InternalServerError.code
    if status < 400 or error.response is not None:
        return error.get_response()
    messages = getattr(error, "data", {}).get("messages")  # webargs' way of saying what a schema refused
    if messages:
        return of_ours(errors.Invalid(mistakes_of(messages)))
    problem = BY_STATUS.get(status) or replace(BY_STATUS[400], status=status, title=error.name)
    return document(problem, error.description or problem.title, headers=_http_headers(error.get_headers()))


def of_the_unexpected(error: Exception) -> flask.Response:
    _log.error("unexpected", exc_info=error)
    return document(BY_NAME["internal"], "Something failed on our side; the operator finds it by the request_id.")


def _headers_for(error: errors.AdengineError) -> dict[str, str]:
    if isinstance(error, errors.Unauthorized):
        return {"WWW-Authenticate": CHALLENGE}
    if isinstance(error, errors.TooMany | errors.Unavailable):
        return {"Retry-After": str(error.retry_after_s)}
    return {}


def _http_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in pairs if name.lower() not in _OURS_TO_SET}
