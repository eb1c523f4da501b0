"""Whose is whose: tenancy comes from the key alone, and a foreign object is an absent one."""

from __future__ import annotations

from typing import Any

import pytest

from adengine.catalog.collections import BY_NOUN, COLLECTIONS
from adengine.catalog.creatives.states import STEPS
from adengine.catalog.nouns import Scope
from tests.catalog.desk import SCOPES, VARIANTS, Answer, Desk

OWNED = ("campaign", "flight", "creative")
CHANGES: dict[str, dict[str, Any]] = {
    "advertiser": {"name": "x"},
    "campaign": {"name": "x"},
    "flight": {"ends_at": "2027-01-01T00:00:00Z"},
    "creative": {"landing_url": "https://x.example/"},
}


@pytest.fixture
def own(desk: Desk) -> tuple[dict[str, str], str]:
    """(ids of an advertiser's objects, a key of his)."""
    ids = desk.one_of_each()
    return ids, desk.key("advertise", advertiser=ids["advertiser"])


def told(answer: Answer) -> tuple[int, Any]:
    """All that an answer says, without what differs for every request."""
    body = {k: v for k, v in answer.body.items() if k != "request_id"} if isinstance(answer.body, dict) else answer.body
    return answer.status, body


@pytest.mark.parametrize("verb", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("noun", ["advertiser", *OWNED])
def test_a_foreign_object_answers_exactly_like_an_absent_one(
    desk: Desk, own: tuple[dict[str, str], str], noun: str, verb: str
) -> None:
    _, key = own
    foreign = desk.one_of_each()[noun]
    plural, absent = BY_NOUN[noun].plural, foreign.rpartition("_")[0] + "_999999"
    before = desk.stored()

    def ask(id_: str) -> Answer:
        body = CHANGES[noun] if verb == "PATCH" else None
        return desk(verb, f"/v1/{plural}/{id_}", body, key=key, If_Match="*")

    allowed = Scope.ADVERTISE in (BY_NOUN[noun].readers if verb == "GET" else BY_NOUN[noun].writers)
    assert ask(foreign).status == (404 if allowed else 403)
    assert told(ask(foreign)) == told(ask(absent))
    assert desk.stored() == before


@pytest.mark.parametrize("verb", [step.verb for step in STEPS])
def test_a_foreign_creative_takes_no_step(desk: Desk, own: tuple[dict[str, str], str], verb: str) -> None:
    _, key = own
    foreign = desk.a_creative()["id"]
    body = {"reason": "no"} if verb == "reject" else None
    status = 403 if verb in ("approve", "reject") else 404
    assert desk("POST", f"/v1/creatives/{foreign}:{verb}", body, key=key).status == status
    assert desk("GET", f"/v1/creatives/{foreign}/preview", key=key).status == 404
    assert desk("GET", f"/v1/creatives/{foreign}").body["status"] == "draft"


def test_lists_hold_only_what_is_ones_own(desk: Desk, own: tuple[dict[str, str], str]) -> None:
    ids, key = own
    foreign = desk.one_of_each()
    for noun in ("advertiser", *OWNED):
        plural = BY_NOUN[noun].plural
        assert [item["id"] for item in desk("GET", f"/v1/{plural}", key=key).body["items"]] == [ids[noun]]
        assert len(desk("GET", f"/v1/{plural}").body["items"]) == 2
        assert desk("GET", f"/v1/{plural}?archived=true", key=key).body["items"] == []
    assert desk("GET", f"/v1/flights?campaign={foreign['campaign']}", key=key).body["items"] == []


def test_nothing_is_hung_on_what_is_foreign(desk: Desk, own: tuple[dict[str, str], str]) -> None:
    _, key = own
    foreign = desk.one_of_each()
    before = desk.stored()
    for path, field, document in (
        ("/v1/campaigns", "advertiser", {"advertiser": foreign["advertiser"], "name": "x", "currency": "USD"}),
        ("/v1/flights", "campaign", desk.flight_document(campaign=foreign["campaign"])),
        ("/v1/creatives", "campaign", desk.creative_document(campaign=foreign["campaign"])),
    ):
        refused = desk("POST", path, document, key=key)
        absent = desk("POST", path, document | {field: foreign[field][:4] + "9999"}, key=key)
        assert (refused.status, refused.pointers) == (absent.status, absent.pointers) == (422, [f"/{field}"])
        assert refused.body["errors"][0]["detail"].split("'")[0] == absent.body["errors"][0]["detail"].split("'")[0]
    rows = [desk.creative_document(campaign=foreign["campaign"])]
    assert desk("POST", "/v1/creatives:import", rows, key=key).body["accepted"] == 0
    assert desk.stored() == before


def test_an_advertiser_works_on_his_own(desk: Desk, own: tuple[dict[str, str], str]) -> None:
    ids, key = own
    document = {"advertiser": ids["advertiser"], "name": "Own", "currency": "USD"}
    campaign = desk.made("/v1/campaigns", document, key=key)
    flight = desk.made("/v1/flights", desk.flight_document(campaign=campaign["id"]), key=key)
    creative = desk.made("/v1/creatives", desk.creative_document(campaign=campaign["id"]), key=key)
    assert desk("POST", f"/v1/creatives/{creative['id']}:submit", key=key).body["status"] == "pending"
    assert desk("POST", f"/v1/creatives/{creative['id']}:pause", key=key).body["status"] == "paused"
    assert desk("PATCH", f"/v1/flights/{flight['id']}", CHANGES["flight"], key=key, If_Match="*").status == 200
    assert desk("DELETE", f"/v1/campaigns/{campaign['id']}", key=key).status == 204


def test_an_advertiser_cannot_approve_himself(desk: Desk, own: tuple[dict[str, str], str]) -> None:
    ids, key = own
    assert desk("POST", f"/v1/creatives/{ids['creative']}:submit", key=key).status == 200
    for verb, body in (("approve", None), ("reject", {"reason": "no"})):
        assert desk("POST", f"/v1/creatives/{ids['creative']}:{verb}", body, key=key).status == 403
    assert desk("GET", "/v1/reviews", key=key).status == 403
    assert desk("GET", f"/v1/creatives/{ids['creative']}").body["status"] == "pending"


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [({"tier": "house"}, "/tier"), ({"tier": "sponsorship"}, "/tier"), ({"priority": 4}, "/priority"),
     ({"weight": 1.5}, "/weight"), ({"roadblock": "all"}, "/roadblock"), ({"roadblock": "companion"}, "/roadblock")],
)  # fmt: skip
def test_precedence_is_the_publishers_to_give(
    desk: Desk, own: tuple[dict[str, str], str], terms: dict[str, Any], pointer: str
) -> None:
    ids, key = own
    document = desk.flight_document(campaign=ids["campaign"], **terms)
    refused = desk("POST", "/v1/flights", document, key=key)
    assert (refused.status, refused.pointers) == (422, [pointer])
    assert desk("POST", "/v1/flights", document).status == 201


def test_the_terms_of_a_booked_flight_are_changed_by_the_publisher_alone(
    desk: Desk, own: tuple[dict[str, str], str]
) -> None:
    ids, key = own
    terms = {"tier": "network", "priority": 6, "weight": 0.5, "price": {"model": "cpc", "micros": 1}}
    refused = desk("PATCH", f"/v1/flights/{ids['flight']}", terms, key=key, If_Match="*")
    assert refused.status == 422 and set(refused.pointers) == {f"/{name}" for name in terms}
    assert desk("PATCH", f"/v1/flights/{ids['flight']}", terms, If_Match="*").status == 200
    same = {**terms, "ends_at": "2027-01-01T00:00:00Z"}
    assert desk("PATCH", f"/v1/flights/{ids['flight']}", same, key=key, If_Match="*").status == 200


@pytest.mark.parametrize("row", COLLECTIONS, ids=lambda row: row.plural)
def test_a_collection_answers_only_the_scopes_of_its_row(sqlite_desk: Desk, row: Any) -> None:
    ids = sqlite_desk.one_of_each()
    keys = {scope: sqlite_desk.key_for(scope) for scope in SCOPES}
    keys["advertise"] = sqlite_desk.key("advertise", advertiser=ids["advertiser"])
    one = f"/v1/{row.plural}/{ids[row.noun]}"
    for scope, key in keys.items():
        reads, writes = scope in row.readers, scope in row.writers
        assert (sqlite_desk("GET", f"/v1/{row.plural}", key=key).status == 403) is not reads, scope
        assert (sqlite_desk("GET", one, key=key).status == 403) is not reads, scope
        assert (sqlite_desk("POST", f"/v1/{row.plural}", {}, key=key).status == 403) is not writes, scope
        assert (sqlite_desk("PATCH", one, {}, key=key).status == 403) is not writes, scope
        assert (sqlite_desk("DELETE", one, key=key, If_Match='"none"').status == 403) is not writes, scope
    for verb, path in (("GET", one), ("POST", f"/v1/{row.plural}"), ("PATCH", one), ("DELETE", one)):
        assert sqlite_desk(verb, path, key=None).status == sqlite_desk(verb, path, key="ade_none").status == 401


def test_only_reviewers_decide(sqlite_desk: Desk) -> None:
    creative = sqlite_desk.a_creative(variants=VARIANTS)["id"]
    sqlite_desk("POST", f"/v1/creatives/{creative}:submit")
    for scope in SCOPES:
        answer = sqlite_desk("POST", f"/v1/creatives/{creative}:approve", key=scope, If_Match='"stale"')
        assert answer.status == (412 if scope == "review" else 403), scope
