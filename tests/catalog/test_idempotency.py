"""Idempotency-Key: a request sent twice is done once and answered twice the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adengine.catalog.collections import COLLECTIONS
from adengine.catalog.idempotency.requests import named
from adengine.catalog.idempotency.sql import KEPT_S
from adengine.errors import Invalid
from tests.catalog.desk import Answer, Desk


def documents(desk: Desk) -> dict[str, dict[str, Any]]:
    """What creates one of each noun."""
    campaign = desk.a_campaign()
    return {
        "site": {"name": "News"},
        "slot": {"site": desk.a_site()["id"], "name": "rail", "position": "rail"},
        "advertiser": {"name": "QWIKET"},
        "campaign": {"advertiser": campaign["advertiser"], "name": "Autumn", "currency": "USD"},
        "flight": desk.flight_document(campaign=campaign["id"]),
        "creative": desk.creative_document(campaign=campaign["id"]),
        "key": {"name": "pages", "scopes": ["fill"]},
    }


def count(desk: Desk, plural: str) -> int:
    key = "admin" if plural == "keys" else "manage"
    return len(desk("GET", f"/v1/{plural}?limit=200", key=key).body["items"])


def test_a_repeated_creation_is_answered_again_and_not_done_again(desk: Desk) -> None:
    by_noun = documents(desk)
    desk.key_for("admin")
    for row in COLLECTIONS:
        key, path = "admin" if row.noun == "key" else "manage", f"/v1/{row.plural}"
        before = count(desk, row.plural)
        first, second = (desk("POST", path, by_noun[row.noun], key=key, Idempotency_Key=row.noun) for _ in range(2))
        assert (first.status, second.status) == (201, 201), (row.noun, first.body)
        assert first.body == second.body and first.headers["ETag"] == second.headers["ETag"]
        assert first.headers["Location"] == second.headers["Location"] == f"{path}/{first.body['id']}"
        assert count(desk, row.plural) == before + 1


def test_eight_copies_at_once_make_one_object(desk: Desk) -> None:
    desk.key_for("manage")

    def create(_: int) -> Answer:
        return desk("POST", "/v1/advertisers", {"name": "QWIKET"}, Idempotency_Key="one")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert [answer.status for answer in answers] == [201] * 8
    assert len({answer.body["id"] for answer in answers}) == 1 and count(desk, "advertisers") == 1


def test_the_same_name_for_another_request_is_refused(desk: Desk) -> None:
    desk("POST", "/v1/advertisers", {"name": "A"}, Idempotency_Key="name")
    for path, body in (("/v1/advertisers", {"name": "B"}), ("/v1/sites", {"name": "A"})):
        refused = desk("POST", path, body, Idempotency_Key="name")
        assert (refused.status, refused.pointers) == (422, ["header:Idempotency-Key"])
    assert count(desk, "advertisers") == 1 and count(desk, "sites") == 0


def test_names_of_different_callers_do_not_meet(desk: Desk) -> None:
    first = desk("POST", "/v1/advertisers", {"name": "A"}, Idempotency_Key="name")
    other = desk("POST", "/v1/advertisers", {"name": "A"}, key=desk.key("manage"), Idempotency_Key="name")
    assert first.body["id"] != other.body["id"]


def test_a_refused_request_may_be_mended_under_its_name(desk: Desk) -> None:
    assert desk("POST", "/v1/advertisers", {"name": ""}, Idempotency_Key="name").status == 422
    assert desk("POST", "/v1/advertisers", {"name": "A"}, Idempotency_Key="name").status == 201


def test_a_repeated_import_stores_its_rows_once(desk: Desk) -> None:
    rows = [desk.creative_document(), {"campaign": "cmp_999"}]
    first, second = (desk("POST", "/v1/creatives:import", rows, Idempotency_Key="file") for _ in range(2))
    assert first.status == second.status == 200 and first.body == second.body and first.body["accepted"] == 1
    assert count(desk, "creatives") == 1
    other = desk("POST", "/v1/creatives:import?dry_run=true", rows, Idempotency_Key="file")
    assert other.status == 422


def test_a_repeated_request_for_a_key_gets_the_same_key_and_the_database_holds_none(desk: Desk) -> None:
    made, again = (
        desk("POST", "/v1/keys", {"name": "k", "scopes": ["manage"]}, key="admin", Idempotency_Key="k")
        for _ in range(2)
    )
    assert made.body["key"] == again.body["key"]
    assert desk("GET", "/v1/sites", key=made.body["key"]).status == 200
    secret = made.body["key"].removeprefix("ade_")
    with desk.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM idempotency").all()
        rows += connection.exec_driver_sql("SELECT * FROM api_keys").all()
    assert rows and secret not in str(rows) and secret[10:] not in str(rows)


def test_an_answer_is_kept_for_two_days(desk: Desk) -> None:
    first = desk("POST", "/v1/advertisers", {"name": "A"}, Idempotency_Key="name").body["id"]
    desk.now_s += KEPT_S
    desk("POST", "/v1/advertisers", {"name": "B"}, Idempotency_Key="next")
    assert desk("POST", "/v1/advertisers", {"name": "A"}, Idempotency_Key="name").body["id"] == first
    desk.now_s += 1
    desk("POST", "/v1/advertisers", {"name": "C"}, Idempotency_Key="third")
    assert desk("POST", "/v1/advertisers", {"name": "A"}, Idempotency_Key="name").body["id"] != first


@pytest.mark.parametrize("name", ["", " ", "a b", "é", "x" * 256, "tab\t"])
def test_a_name_must_be_visible_ascii(name: str) -> None:
    with pytest.raises(Invalid, match="1 mistake"):
        named(1, name, "POST", b"")


def test_requests_differ_when_any_part_does() -> None:
    parts = ("POST", "/v1/sites", "application/json", b"{}")
    hashes = {named(1, "n", *parts[:i], "other", *parts[i + 1 :]).sha256 for i in range(4)}  # type: ignore[union-attr]
    moved = named(1, "n", "POST/v1", "/sites", "application/json", b"{}")
    same = named(1, "n", *parts)
    assert same is not None and moved is not None
    assert len(hashes | {same.sha256, moved.sha256}) == 6
