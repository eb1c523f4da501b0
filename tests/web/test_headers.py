"""Ids and protective headers stand on every answer, good or bad."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from adengine.web import request_ids
from tests.twins import both

twin = both(request_ids, "reading")


@pytest.mark.parametrize(
    "path", ["/livez", "/nowhere", "/v1/things", "/raise/bug", "/problems/", "/docs", "/openapi.json"]
)
def test_every_answer_has_an_id_and_is_not_sniffed_framed_or_referred(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert request_ids.bytes_of(headers["X-Request-Id"]) is not None
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_a_clients_own_request_id_is_not_taken_over(client: FlaskClient) -> None:
    theirs = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert client.get("/livez", headers={"X-Request-Id": theirs}).headers["X-Request-Id"] != theirs


@given(st.binary(min_size=16, max_size=16))
def test_an_id_is_spelled_and_read_back(id_: bytes) -> None:
    text = request_ids.text_of(id_)
    assert len(text) == 26
    assert request_ids.bytes_of(text) == request_ids.bytes_of(text.lower()) == id_


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=2))
def test_ids_sort_as_text_like_their_bytes(ids: list[bytes]) -> None:
    assert sorted(map(request_ids.text_of, ids)) == [request_ids.text_of(id_) for id_ in sorted(ids)]


def test_the_specifications_own_example_reads_back() -> None:
    id_ = request_ids.bytes_of("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert id_ is not None
    assert int.from_bytes(id_[:6], "big") == 1469922850259
    assert request_ids.ulid(1469922850259, id_[6:]) == id_


@pytest.mark.parametrize(
    "text", ["", "01ARZ3NDEKTSV4RRFFQ69G5FA", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "0" * 25 + "U", "0" * 25 + "é"]
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert request_ids.bytes_of(text) is None
