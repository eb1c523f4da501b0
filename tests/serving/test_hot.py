"""A fill past Flask's machinery is the same answer, byte for byte, and leaves the same traces."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from adengine.catalog.nouns import Scope
from adengine.serving.request import BYTES_MAX
from adengine.web import metrics
from tests.builders import a_cap, a_flight, a_key
from tests.serving.conftest import Open
from tests.serving.kiosk import KEY, Kiosk

SLOTS = [{"slot": "article-header"}]
PAGE = {"slots": SLOTS, "seed": 7, "now_s": 1_800_000_000}
READER = {"key": "r", "place": "Remer,MN", "consent": True}
BODIES: dict[str, bytes] = {
    "a page": json.dumps(PAGE).encode(),
    "a reader": json.dumps(PAGE | {"reader": READER}).encode(),
    "a stranger to the field": json.dumps(PAGE | {"of_the_future": 1, "page": {"topics": ["\u00e9t\u00e9"]}}).encode(),
    "an explanation": json.dumps(PAGE | {"explain": True}).encode(),
    "an unknown slot": json.dumps(PAGE | {"slots": [{"slot": "nowhere", "id": "\u2603"}]}).encode(),
    "mistakes": json.dumps({"slots": [{"slot": ""}], "seed": "7"}).encode(),
    "not JSON": b"{",
    "nothing": b"",
    "too large": b" " * (BYTES_MAX + 1),
    "a repeated key": b'{"slots": [], "slots": []}',
}
HEADERS: dict[str, dict[str, str]] = {
    "a key": {"Authorization": f"Bearer {KEY}"},
    "a scheme in capitals": {"Authorization": f"BEARER {KEY} "},
    "no key": {},
    "a strange key": {"Authorization": "Bearer \u00ff"},
    "another scheme": {"Authorization": f"Basic {KEY}"},
}


@pytest.fixture
def shop(kiosk: Open) -> Kiosk:
    shop = kiosk()
    shop.key = a_key(scopes=(Scope.MANAGE,))
    shop.book(a_flight(caps=(a_cap(),)))
    return shop


def answered(shop: Kiosk, hot: bool, body: bytes, headers: dict[str, str], **options: Any) -> TestResponse:
    options = {"data": body, "content_type": "application/json"} | options
    return shop.client(hot=hot).post("/v1/fill", headers=headers, **options)


def said(answer: TestResponse) -> tuple[int, dict[str, str], bytes]:
    """All of an answer but the id that is its own."""
    id_ = answer.headers["X-Request-Id"]
    return answer.status_code, dict(answer.headers) | {"X-Request-Id": ""}, answer.data.replace(id_.encode(), b"")


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_both_ways_answer_alike(shop: Kiosk, body: bytes, headers: dict[str, str]) -> None:
    assert said(answered(shop, True, body, headers)) == said(answered(shop, False, body, headers))


def test_a_body_in_chunks_and_one_that_is_cut_off_are_read_as_ever(shop: Kiosk) -> None:
    key, body = HEADERS["a key"], BODIES["a page"]
    chunked: dict[str, Any] = {"environ_overrides": {"wsgi.input_terminated": True}, "data": None}
    for hot in (True, False):
        sent = io.BytesIO(body)
        answer = answered(shop, hot, b"", key | {"Transfer-Encoding": "chunked"}, input_stream=sent, **chunked)
        assert answer.status_code == 200
    short = {"environ_overrides": {"CONTENT_LENGTH": str(len(body) + 5)}}
    assert said(answered(shop, True, body, key, **short)) == said(answered(shop, False, body, key, **short))


def test_other_methods_and_other_paths_go_the_ordinary_way(shop: Kiosk) -> None:
    client = shop.client()
    assert client.get("/v1/fill").status_code == 405
    assert client.options("/v1/fill").status_code == 200
    assert client.post("/v1/fill/").status_code == 404


def test_both_ways_are_measured(shop: Kiosk) -> None:
    series = metrics.series("adengine_requests", "/v1/fill", "POST", "200")
    before = series._value.get()
    for hot in (True, False):
        assert answered(shop, hot, BODIES["a page"], HEADERS["a key"]).status_code == 200
    assert series._value.get() == before + 2


@pytest.mark.parametrize("hot", [True, False])
def test_only_what_flask_answers_passes_its_hooks(shop: Kiosk, hot: bool) -> None:
    app, _ = shop.app(hot=hot)
    app.before_request(lambda: ("stopped", 418))
    answer = app.test_client().post("/v1/fill", data=BODIES["a page"], headers=HEADERS["a key"])
    assert answer.status_code == (200 if hot else 418)
