"""Bodies: limits hold while reading, and bombs are the caller's fault, not ours."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient

from adengine.web.body import DRAINED_MAX
from tests.web.small_app import bearer
from tests.web.test_json_strict import REFUSED


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_document_is_a_400_of_every_json_route(client: FlaskClient, body: bytes) -> None:
    answer = client.post("/v1/things", data=body, content_type="application/json", headers=bearer("manage-key"))
    assert answer.status_code == 400
    assert answer.get_json(force=True)["type"] == "/problems/malformed"


def test_an_announced_size_over_the_limit_is_413(client: FlaskClient) -> None:
    answer = client.post("/echo", data=b'"' + b"a" * 1000 + b'"', content_type="application/json")
    assert answer.status_code == 413
    assert "1000 bytes" in answer.get_json(force=True)["detail"]


def chunked(client: FlaskClient, stream: io.BytesIO) -> int:
    return client.post(
        "/echo",
        input_stream=stream,
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    ).status_code


def test_a_body_without_announced_size_is_refused_past_the_limit_and_taken_in_so_that_its_sender_hears_it(
    client: FlaskClient,
) -> None:
    body = io.BytesIO(b'"' + b"a" * 200_000 + b'"')
    assert chunked(client, body) == 413
    assert body.read() == b""


def test_a_body_that_will_not_end_is_cut_off(client: FlaskClient) -> None:
    long = io.BytesIO(b"a" * (DRAINED_MAX + 1_000_000))
    assert chunked(client, long) == 413
    assert long.tell() <= DRAINED_MAX + 100_000


def test_a_body_of_exactly_the_limit_is_read(client: FlaskClient) -> None:
    answer = client.post("/echo", data=b'"' + b"a" * 998 + b'"', content_type="application/json")
    assert answer.status_code == 200
    assert len(answer.get_json()) == 998


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_another_media_type_is_415(client: FlaskClient, content_type: str) -> None:
    assert client.post("/echo", data=b"{}", content_type=content_type).status_code == 415


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/ld+json", "APPLICATION/JSON"])
def test_json_by_any_of_its_names_is_read(client: FlaskClient, content_type: str) -> None:
    assert client.post("/echo", data=b"{}", content_type=content_type).status_code == 200
