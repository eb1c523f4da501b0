"""API keys: 256 bits, shown once, stored as a digest, revoked at once; bound as their scopes demand."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import pytest

from adengine.catalog.keys import sql as keys
from adengine.catalog.keys.secret import derived
from adengine.catalog.nouns import Scope
from adengine.errors import Invalid, NotFound
from adengine.web.auth import digest
from tests.catalog.desk import Desk


def test_a_key_is_shown_once_and_works_until_it_is_revoked(desk: Desk) -> None:
    made = desk.made("/v1/keys", {"name": "pages", "scopes": ["manage", "fill", "fill"]}, key="admin")
    assert len(urlsafe_b64decode(made["key"].removeprefix("ade_") + "=")) == 32
    assert made["key"].startswith(made["prefix"]) and made["scopes"] == ["fill", "manage"]
    path = f"/v1/keys/{made['id']}"
    read = desk("GET", path, key="admin")
    assert "key" not in read.body and made["key"] not in str(read.body)
    assert desk("GET", "/v1/sites", key=made["key"]).status == 200
    assert desk("DELETE", path, key="admin").status == 204
    assert desk("GET", "/v1/sites", key=made["key"]).status == 401


def test_two_keys_of_one_name_live_side_by_side_for_rotation(desk: Desk) -> None:
    document = {"name": "pages", "scopes": ["manage"]}
    old, new = (desk.made("/v1/keys", document, key="admin") for _ in range(2))
    assert old["key"] != new["key"]
    desk("DELETE", f"/v1/keys/{old['id']}", key="admin")
    assert [desk("GET", "/v1/sites", key=made["key"]).status for made in (old, new)] == [401, 200]


BOUND: tuple[tuple[dict[str, Any], list[str]], ...] = (
    ({"scopes": []}, ["/scopes"]),
    ({"scopes": ["root"]}, ["/scopes/0"]),
    ({"scopes": "fill"}, ["/scopes"]),
    ({"scopes": ["advertise"]}, ["/advertiser"]),
    ({"scopes": ["manage"], "advertiser": "adv_1"}, ["/advertiser"]),
    ({"scopes": ["advertise", "review"], "advertiser": "adv_1"}, ["/scopes"]),
    ({"scopes": ["advertise", "manage"], "advertiser": "adv_1"}, ["/scopes"]),
    ({"scopes": ["manage"], "site": "site_1"}, ["/site"]),
    ({"scopes": ["fill"], "site": "site_9"}, ["/site"]),
    ({"scopes": ["advertise"], "advertiser": "adv_9"}, ["/advertiser"]),
    ({"scopes": ["fill"], "key": "chosen"}, ["/key"]),
)


@pytest.mark.parametrize(("fields", "pointers"), BOUND)
def test_a_key_is_bound_exactly_as_its_scopes_demand(
    sqlite_desk: Desk, fields: dict[str, Any], pointers: list[str]
) -> None:
    site, advertiser = sqlite_desk.a_site()["id"], sqlite_desk.an_advertiser()["id"]
    own = {"adv_1": advertiser, "site_1": site}
    document = {"name": "k"} | {name: own.get(str(value), value) for name, value in fields.items()}
    refused = sqlite_desk("POST", "/v1/keys", document, key="admin")
    assert (refused.status, refused.pointers) == (422, pointers), refused.body


@pytest.mark.parametrize(
    "fields", [{"scopes": ["fill"], "site": "site_1"}, {"scopes": ["advertise", "report"], "advertiser": "adv_1"}]
)
def test_a_key_keeps_what_it_is_bound_to(desk: Desk, fields: dict[str, Any]) -> None:
    own = {"adv_1": desk.an_advertiser()["id"], "site_1": desk.a_site()["id"]}
    bound = {name: own.get(str(value), value) for name, value in fields.items()}
    made = desk.made("/v1/keys", {"name": "k"} | bound, key="admin")
    path = f"/v1/keys/{made['id']}"
    for name in ("scopes", "site", "advertiser"):
        other = (
            ["report"]
            if name == "scopes"
            else None
            if made[name] is not None
            else own["adv_1" if name == "advertiser" else "site_1"]
        )
        refused = desk("PATCH", path, {name: other}, key="admin", If_Match="*")
        assert (refused.status, refused.pointers) == (422, [f"/{name}"])
    assert desk("PATCH", path, {"name": "renamed"}, key="admin", If_Match="*").body["name"] == "renamed"


def test_the_operator_makes_finds_and_revokes_keys_without_http(desk: Desk) -> None:
    issued = keys.create(desk.engine, {"name": "cli", "scopes": ["admin"]}, desk.known, desk.now_s)
    found = keys.key_of(desk.engine, digest(issued.key))
    assert found is not None and found.scopes == {Scope.ADMIN} and issued.key.startswith(issued.prefix)
    keys.revoke(desk.engine, issued.id, desk.now_s)
    assert keys.key_of(desk.engine, digest(issued.key)) is None
    for id_ in (issued.id, "key_999", "nonsense"):
        with pytest.raises(NotFound):
            keys.revoke(desk.engine, id_, desk.now_s)
    with pytest.raises(Invalid):
        keys.create(desk.engine, {"name": "", "scopes": ["root"]}, desk.known, desk.now_s)


def test_a_derived_key_depends_on_every_bit_of_its_maker_and_its_salt() -> None:
    maker, salt = bytes(32), bytes(32)
    flipped = [bytes(32)[:i] + b"\x01" + bytes(31 - i) for i in range(32)]
    made = {derived(maker, salt), *(derived(f, salt) for f in flipped), *(derived(maker, f) for f in flipped)}
    assert len(made) == 65
