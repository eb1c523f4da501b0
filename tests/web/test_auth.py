"""Keys and scopes at the door."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.small_app import bearer

STRANGERS = {
    "no header": {},
    "no key": {"Authorization": "Bearer "},
    "no scheme": {"Authorization": "manage-key"},
    "another scheme": {"Authorization": "Basic manage-key"},
    "an unknown key": {"Authorization": "Bearer other-key"},
    "a key with more behind it": {"Authorization": "Bearer manage-key, Bearer manage-key"},
    "a long key": {"Authorization": "Bearer " + "x" * 20_000},
    "a key that is no text": {"Authorization": "Bearer \xff\xfe"},
}


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_stranger_gets_401_and_the_challenge(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get("/v1/things", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_known_key_without_the_scope_gets_403_naming_the_scopes_that_would_do(client: FlaskClient) -> None:
    answer = client.get("/v1/things", headers=bearer("fill-key"))
    assert answer.status_code == 403
    assert "manage or admin" in answer.get_json(force=True)["detail"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_with_one_of_the_scopes_passes_whatever_the_case_of_the_scheme(client: FlaskClient, scheme: str) -> None:
    assert client.get("/v1/things", headers={"Authorization": f"{scheme} manage-key"}).status_code == 200


def test_a_strangers_body_is_not_read(client: FlaskClient) -> None:
    assert client.post("/v1/things", data=b"{", content_type="application/json").status_code == 401


def test_the_openapi_document_says_which_scopes_a_route_takes(client: FlaskClient) -> None:
    operations = client.get("/openapi.json").get_json()["paths"]["/v1/things"]
    assert operations["get"]["security"] == [{"key": ["admin", "manage"]}]
    assert {"401", "403"} <= set(operations["post"]["responses"])
