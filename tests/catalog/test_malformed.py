"""Bodies that are not what they say: a 4xx that says why, and nothing stored."""

from __future__ import annotations

from typing import Any

import pytest

from adengine.catalog.collections import BY_NOUN, COLLECTIONS
from tests.catalog.desk import Desk

DEEP = 100_000
BROKEN: tuple[tuple[str, bytes, int], ...] = (
    ("empty", b"", 400),
    ("no JSON", b"name=x", 400),
    ("cut off", b'{"name": "x', 400),
    ("two documents", b'{"name": "x"}{}', 400),
    ("a key twice", b'{"name": "x", "name": "y"}', 400),
    ("a key twice inside", b'{"name": "x", "domains": [{"a": 1, "a": 1}]}', 400),
    ("deep lists", b"[" * DEEP, 400),
    ("deep closed lists", b"[" * DEEP + b"]" * DEEP, 400),
    ("deep objects", b'{"name":' * DEEP + b"1" + b"}" * DEEP, 400),
    ("deep in a field", b'{"name": "x", "domains": ' + b"[" * 500 + b"]" * 500 + b"}", 400),
    ("NaN", b'{"name": "x", "topics": NaN}', 400),
    ("Infinity", b'{"name": "x", "topics": -Infinity}', 400),
    ("half a surrogate pair", rb'{"name": "\ud800"}', 400),
    ("not UTF-8", b'{"name": "\xff\xfe"}', 400),
    ("UTF-16", '{"name": "x"}'.encode("utf-16"), 400),
    ("a NUL", rb'{"name": "a\u0000b"}', 422),
    ("a number for text", b'{"name": 1e999}', 400),
    ("too large", b'{"name": "' + b"x" * 2_000_001 + b'"}', 413),
)


@pytest.mark.parametrize(("body", "status"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_body_is_refused_everywhere(sqlite_desk: Desk, body: bytes, status: int) -> None:
    ids = sqlite_desk.one_of_each()
    before = sqlite_desk.stored()
    for row in COLLECTIONS:
        key = "admin" if row.noun == "key" else "manage"
        one = f"/v1/{row.plural}/{ids[row.noun]}"
        for method, path in (("POST", f"/v1/{row.plural}"), ("PATCH", one)):
            refused = sqlite_desk(method, path, raw=body, key=key, If_Match="*")
            assert (refused.status, refused.media_type) == (status, "application/problem+json"), (path, refused.body)
    reject = sqlite_desk("POST", f"/v1/creatives/{ids['creative']}:reject", raw=body, key="review")
    assert reject.status == (status if body else 422)
    assert sqlite_desk("POST", "/v1/creatives:import", raw=body).status in (status, 400, 413)
    assert sqlite_desk.stored() == before


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded"]
)
def test_another_media_type_is_refused(sqlite_desk: Desk, media_type: str) -> None:
    refused = sqlite_desk("POST", "/v1/advertisers", raw=b'{"name": "x"}', media_type=media_type)
    assert refused.status == 415 and sqlite_desk("GET", "/v1/advertisers").body["items"] == []


def test_a_byte_order_mark_is_no_part_of_the_document(sqlite_desk: Desk) -> None:
    assert sqlite_desk("POST", "/v1/advertisers", raw=b'\xef\xbb\xbf{"name": "x"}').status == 201


@pytest.mark.parametrize(
    "name",
    [
        'O\'Neill & Søns "Ltd"',
        "<script>alert(1)</script>",
        "'; DROP TABLE sites; --",
        "日本語の新聞",
        "a" * 200,
        "%s {0} \\",
    ],
)
def test_text_is_kept_as_it_was_sent(desk: Desk, name: str) -> None:
    made = desk.an_advertiser(name=name)
    assert made["name"] == desk("GET", f"/v1/advertisers/{made['id']}").body["name"] == name


def test_a_stranger_is_not_told_what_is_wrong_with_his_body(sqlite_desk: Desk) -> None:
    for key, status in ((None, 401), ("fill", 403)):
        refused = sqlite_desk("POST", "/v1/advertisers", raw=b"[" * DEEP, key=key)
        assert refused.status == status and "errors" not in refused.body


def test_ids_beyond_a_column_are_absent_not_a_fault(desk: Desk) -> None:
    for noun, row in BY_NOUN.items():
        key = "admin" if noun == "key" else "manage"
        prefix = {"campaign": "cmp", "advertiser": "adv", "flight": "flt", "creative": "crt"}.get(noun, noun)
        for digits in ("2147483648", "4294967296", "9999999999"):
            assert desk("GET", f"/v1/{row.plural}/{prefix}_{digits}", key=key).status == 404
    document: dict[str, Any] = {"advertiser": "adv_9999999999", "name": "x", "currency": "USD"}
    assert desk("POST", "/v1/campaigns", document).pointers == ["/advertiser"]


def test_every_address_answers_other_methods_with_those_it_knows(sqlite_desk: Desk) -> None:
    answer = sqlite_desk("PUT", "/v1/sites/site_1")
    assert answer.status == 405 and set(answer.headers["Allow"].split(", ")) >= {"GET", "PATCH", "DELETE"}
