"""Every collection of the management API: create, list, read, change with If-Match, archive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adengine.catalog.collections import BY_NOUN, COLLECTIONS
from adengine.catalog.tables import catalogue_version
from tests.catalog.desk import Answer, Desk

NOUNS = tuple(BY_NOUN)
CHANGES: dict[str, dict[str, Any]] = {
    "site": {"name": "Herald", "topics": {"Walleye": "fishing-sports"}},
    "slot": {"label": "Anzeige", "background": "#fff", "default_topics": ["386"]},
    "advertiser": {"name": "Northwoods Bait"},
    "campaign": {"name": "Opener"},
    "flight": {
        "ends_at": "2026-02-01T00:00:00Z",
        "tier": "house",
        "caps": [{"per": "flight", "limit": 3, "window": "1d"}],
    },
    "creative": {"landing_url": "https://qwiket.example/other"},
    "key": {"name": "renamed"},
}


def key_for(noun: str) -> str:
    return "admin" if noun == "key" else "manage"


def address(noun: str, id_: str) -> str:
    return f"/v1/{BY_NOUN[noun].plural}/{id_}"


def test_every_collection_has_a_change_to_try() -> None:
    assert CHANGES.keys() == {row.noun for row in COLLECTIONS}


def test_a_change_is_stored_and_a_stale_one_refused(desk: Desk) -> None:
    ids = desk.one_of_each()
    for noun, change in CHANGES.items():
        path, key = address(noun, ids[noun]), key_for(noun)
        before = desk("GET", path, key=key)
        desk.now_s += 60
        changed = desk("PATCH", path, change, key=key, If_Match=before.headers["ETag"])
        assert changed.status == 200, (noun, changed.body)
        assert changed.body["etag"] != before.body["etag"] and changed.body["updated_at"] > before.body["updated_at"]
        assert desk("GET", path, key=key).body == changed.body
        stale = desk("PATCH", path, change, key=key, If_Match=before.body["etag"])
        assert (stale.status, stale.media_type) == (412, "application/problem+json"), noun
        assert desk("PATCH", path, change, key=key).status == 428, noun
        assert desk("GET", path, key=key).body == changed.body, noun


def test_of_eight_changes_to_the_same_state_one_is_made(desk: Desk) -> None:
    site = desk.a_site()

    def rename(n: int) -> Answer:
        return desk("PATCH", f"/v1/sites/{site['id']}", {"name": f"name {n}"}, If_Match=site["etag"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(rename, range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [412] * 7
    winner = next(answer for answer in answers if answer.status == 200)
    assert desk("GET", f"/v1/sites/{site['id']}").body["name"] == winner.body["name"]


def test_each_edit_raises_the_catalogues_version_and_a_refused_one_does_not(desk: Desk) -> None:
    def version() -> int:
        with desk.engine.connect() as connection:
            return int(connection.execute(catalogue_version.select()).one().version)

    desk.key_for("manage")
    start = version()
    site = desk.a_site()
    assert version() == start + 1
    desk("PATCH", f"/v1/sites/{site['id']}", {"name": ""}, If_Match="*")
    desk("POST", "/v1/sites", {})
    assert version() == start + 1
    desk("PATCH", f"/v1/sites/{site['id']}", {"name": "B"}, If_Match="*")
    desk("DELETE", f"/v1/sites/{site['id']}")
    assert version() == start + 3


def test_an_archived_object_is_absent_but_listed_as_archived(desk: Desk) -> None:
    ids = desk.one_of_each()
    for noun in ("flight", "creative", "slot", "key", "site", "campaign", "advertiser"):
        path, key, plural = address(noun, ids[noun]), key_for(noun), BY_NOUN[noun].plural
        assert desk("DELETE", path, key=key, If_Match='"99"').status == 412
        assert desk("DELETE", path, key=key).status == 204
        assert [desk(verb, path, {}, key=key, If_Match="*").status for verb in ("GET", "PATCH", "DELETE")] == [404] * 3
        listed = desk("GET", f"/v1/{plural}?limit=200", key=key).body["items"]
        assert ids[noun] not in [item["id"] for item in listed]
        archived = desk("GET", f"/v1/{plural}?archived=true&limit=200", key=key).body["items"]
        assert [item["archived_at"] for item in archived if item["id"] == ids[noun]] == ["2025-09-07T00:00:00Z"]


def test_what_hangs_on_an_archived_object_is_archived_with_it(desk: Desk) -> None:
    ids = desk.one_of_each()
    own = desk.made("/v1/keys", {"name": "own", "scopes": ["advertise"], "advertiser": ids["advertiser"]}, key="admin")
    bound = desk.made("/v1/keys", {"name": "bound", "scopes": ["fill"], "site": ids["site"]}, key="admin")
    assert desk("DELETE", address("advertiser", ids["advertiser"])).status == 204
    assert desk("DELETE", address("site", ids["site"])).status == 204
    for noun in ("campaign", "flight", "creative", "slot"):
        assert desk("GET", address(noun, ids[noun])).status == 404, noun
    for key in (own, bound):
        assert desk("GET", address("key", key["id"]), key="admin").status == 404
        assert desk("GET", "/v1/sites", key=key["key"]).status == 401


def test_nothing_can_be_hung_on_an_archived_object(desk: Desk) -> None:
    campaign = desk.a_campaign()
    desk("DELETE", address("campaign", campaign["id"]))
    for path, document in (
        ("/v1/flights", desk.flight_document(campaign=campaign["id"])),
        ("/v1/creatives", desk.creative_document(campaign=campaign["id"])),
    ):
        refused = desk("POST", path, document)
        assert (refused.status, refused.pointers) == (422, ["/campaign"])


def test_pages_of_a_list_hold_every_object_once(desk: Desk) -> None:
    made = [desk.an_advertiser(name=f"A{n}")["id"] for n in range(7)]
    seen, path = [], "/v1/advertisers?limit=3"
    while path:
        page = desk("GET", path).body
        assert len(page["items"]) <= 3
        seen += [item["id"] for item in page["items"]]
        path = page["next"] and f"/v1/advertisers?limit=3&cursor={page['next']}"
    assert seen == made


def test_a_list_is_narrowed_to_a_parent(desk: Desk) -> None:
    first, second = desk.a_campaign(), desk.a_campaign()
    flight = desk.a_flight(campaign=second["id"])
    desk.a_flight(campaign=first["id"])
    assert [i["id"] for i in desk("GET", f"/v1/flights?campaign={second['id']}").body["items"]] == [flight["id"]]
    assert desk("GET", "/v1/flights?campaign=cmp_999").body == {"items": [], "next": None}


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=1.5", "limit=x", "cursor=!", "cursor=YQ", "archived=1", "colour=red", "site=1"],
)
def test_a_wrong_list_query_is_refused_by_name(sqlite_desk: Desk, query: str) -> None:
    refused = sqlite_desk("GET", f"/v1/slots?{query}")
    assert (refused.status, refused.pointers) == (422, [f"?{query.split('=')[0]}"])


@pytest.mark.parametrize(
    "id_", ["crt_0", "crt_01", "crt_99999999999999999999", "cmp_1", "1", "crt_-1", "crt_1%00", "crt_１"]
)
def test_an_id_spelled_otherwise_is_absent(sqlite_desk: Desk, id_: str) -> None:
    sqlite_desk.a_creative()
    assert sqlite_desk("GET", f"/v1/creatives/{id_}").status == 404


def test_a_slots_name_is_free_again_once_it_is_archived(desk: Desk) -> None:
    site = desk.a_site()["id"]
    slot = desk.a_slot(site=site)
    clash = desk("POST", "/v1/slots", {"site": site, "name": slot["name"], "position": "header"})
    assert clash.status == 409
    other = desk.a_slot(site=site, name="rail")
    assert desk("PATCH", address("slot", other["id"]), {"name": slot["name"]}, If_Match="*").status == 409
    desk("DELETE", address("slot", slot["id"]))
    desk.a_slot(site=site)


def test_a_domain_belongs_to_one_site(desk: Desk) -> None:
    first = desk.a_site(domains=["News.Example", "bücher.example"])
    assert first["domains"] == ["news.example", "xn--bcher-kva.example"]
    clash = desk("POST", "/v1/sites", {"name": "Other", "domains": ["news.example"]})
    assert clash.status == 409 and first["id"] in clash.body["detail"]
    assert desk("PATCH", address("site", first["id"]), {"domains": ["news.example"]}, If_Match="*").status == 200


@pytest.mark.parametrize(
    ("noun", "field", "other"),
    [("slot", "site", "a_site"), ("campaign", "advertiser", "an_advertiser"), ("flight", "campaign", "a_campaign"),
     ("creative", "campaign", "a_campaign")],
)  # fmt: skip
def test_what_counts_hang_on_cannot_be_moved(sqlite_desk: Desk, noun: str, field: str, other: str) -> None:
    id_ = sqlite_desk.one_of_each()[noun]
    path, elsewhere = address(noun, id_), getattr(sqlite_desk, other)()["id"]
    refused = sqlite_desk("PATCH", path, {field: elsewhere}, If_Match="*")
    assert (refused.status, refused.pointers) == (422, [f"/{field}"])
    same = sqlite_desk("GET", path).body[field]
    assert sqlite_desk("PATCH", path, {field: same}, If_Match="*").status == 200


@pytest.mark.parametrize("noun", NOUNS)
def test_nobody_sets_what_the_engine_sets(sqlite_desk: Desk, noun: str) -> None:
    id_ = sqlite_desk.one_of_each()[noun]
    own = {"id": id_, "etag": "9", "created_at": "2020-01-01T00:00:00Z", "archived_at": None, "status": "approved",
           "state": "approved", "serving_version": 1, "revision": 7, "prefix": "ade_"}  # fmt: skip
    refused = sqlite_desk("PATCH", address(noun, id_), own, key=key_for(noun), If_Match="*")
    assert refused.status == 422 and sorted(refused.pointers) == sorted(f"/{name}" for name in own)
