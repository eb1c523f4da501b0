"""Every failure is a problem document of RFC 9457 with all mistakes, and HTTP's own headers stay."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from adengine import errors
from adengine.web.mistakes import mistakes_of, pointer_to
from adengine.web.problem_table import PROBLEMS, problem_of
from tests.web.small_app import bearer

MEMBERS = {"type", "title", "status", "detail", "request_id"}


def concrete_errors() -> set[type]:
    def below(kind: type) -> set[type]:
        return {kind}.union(*(below(inner) for inner in kind.__subclasses__()))

    return {kind for kind in below(errors.AdengineError) if kind.__module__ == "adengine.errors"}


@pytest.mark.parametrize(
    ("path", "status", "name", "header"),
    [
        ("/raise/conflict", 409, "conflict", None),
        ("/raise/absent", 404, "not-found", None),
        ("/raise/often", 429, "too-many", ("Retry-After", "7")),
        ("/raise/away", 503, "unavailable", ("Retry-After", "2")),
        ("/raise/bug", 500, "internal", None),
        ("/nowhere", 404, "not-found", None),
        ("/v1/things", 401, "unauthorized", ("WWW-Authenticate", 'Bearer realm="adengine"')),
    ],
)
def test_a_failure_is_a_problem_document(
    client: FlaskClient, path: str, status: int, name: str, header: tuple[str, str] | None
) -> None:
    answer = client.get(path)
    problem = json.loads(answer.data)
    assert answer.status_code == status == problem["status"]
    assert answer.mimetype == "application/problem+json"
    assert set(problem) == MEMBERS
    assert problem["type"] == f"/problems/{name}"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert client.get(problem["type"]).status_code == 200
    if header:
        assert answer.headers[header[0]] == header[1]


def test_an_unexpected_failure_tells_the_caller_nothing_of_its_cause(client: FlaskClient) -> None:
    answer = client.get("/raise/bug")
    assert b"reader-key" not in answer.data
    assert b"ZeroDivision" not in answer.data


def test_a_wrong_method_keeps_the_allow_header(client: FlaskClient) -> None:
    answer = client.delete("/v1/things")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].replace(" ", "").split(","))
    assert answer.get_json(force=True)["type"] == "/problems/method-not-allowed"


def test_all_mistakes_of_a_body_come_at_once_with_their_pointers(client: FlaskClient) -> None:
    thing = {"count": 1.9, "color": "red", "variants": [{"role": "brand", "text": ""}, {"text": "fine"}]}
    answer = client.post("/v1/things", json=thing, headers=bearer("manage-key"))
    pointers = {mistake["pointer"] for mistake in answer.get_json(force=True)["errors"]}
    assert answer.status_code == 422
    assert pointers == {"/name", "/count", "/color", "/variants/0/text", "/variants/1/role"}


def test_all_mistakes_of_a_query_come_at_once(client: FlaskClient) -> None:
    answer = client.get("/v1/things?limit=many&page=2", headers=bearer("manage-key"))
    assert answer.status_code == 422
    assert {mistake["pointer"] for mistake in answer.get_json(force=True)["errors"]} == {"?limit", "?page"}


def test_a_name_with_slash_and_tilde_is_escaped_in_a_pointer() -> None:
    assert pointer_to("a/b", "~", 0) == "/a~1b/~0/0"
    assert mistakes_of({"a/b": {"_schema": ["no"]}}, location="json") == [errors.Mistake("/a~1b", "no")]


def test_every_named_failure_has_a_problem() -> None:
    internal = {kind for kind in concrete_errors() if problem_of(kind.__new__(kind)).name == "internal"}
    assert internal == {errors.AdengineError, errors.Unsafe}


def test_names_and_statuses_of_problems_are_unique() -> None:
    assert len({problem.name for problem in PROBLEMS}) == len({problem.status for problem in PROBLEMS}) == len(PROBLEMS)


def test_the_list_of_problems_shows_every_one(client: FlaskClient) -> None:
    page = client.get("/problems/").get_data(as_text=True)
    assert all(f"/problems/{problem.name}" in page for problem in PROBLEMS)


def test_an_unknown_problem_page_is_itself_a_problem(client: FlaskClient) -> None:
    assert client.get("/problems/<script>").status_code == 404
