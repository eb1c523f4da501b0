"""The routes as their callers see them: keys, scopes, problems, privileges, the reader's rights."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from adengine.catalog.nouns import Scope
from adengine.serving.request import BYTES_MAX
from tests.builders import a_cap, a_flight, a_key, a_site
from tests.serving.conftest import Open
from tests.serving.kiosk import KEY, Kiosk

SLOTS = {"slots": [{"slot": "article-header"}]}
Post = Callable[..., TestResponse]


def called(kiosk: Kiosk, method: str, path: str, body: Any = None, key: str | None = KEY) -> TestResponse:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    return kiosk.client().open(path, method=method, data=content, headers=headers, content_type="application/json")


def with_scopes(kiosk: Kiosk, *scopes: Scope, **bound: Any) -> Kiosk:
    kiosk.key = a_key(scopes=scopes, **bound)
    kiosk.book(a_flight(caps=(a_cap(),)))
    return kiosk


def test_a_page_is_filled_and_its_answer_is_nobody_elses(kiosk: Open) -> None:
    answer = called(kiosk(a_flight()), "POST", "/v1/fill", SLOTS)
    assert answer.status_code == 200 and answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.json["fills"][0]["status"] == "filled"


@pytest.mark.parametrize(
    ("scope", "status"),
    [(Scope.FILL, 200), (Scope.MANAGE, 200), (Scope.REPORT, 403), (Scope.ADVERTISE, 403), (Scope.ADMIN, 403)],
)
def test_a_fill_needs_the_scope_fill_or_manage(kiosk: Open, scope: Scope, status: int) -> None:
    assert called(with_scopes(kiosk(), scope), "POST", "/v1/fill", SLOTS).status_code == status


def test_a_fill_needs_a_key(kiosk: Open) -> None:
    shop = kiosk(a_flight())
    assert called(shop, "POST", "/v1/fill", SLOTS, key=None).status_code == 401
    assert called(shop, "POST", "/v1/fill", SLOTS, key="another").status_code == 401
    assert called(shop, "POST", "/v1/fill", b"not json", key=None).status_code == 401, "a stranger's body was read"


@pytest.mark.parametrize("asked", [{"preview": True}, {"now_s": 1_800_000_000}, {"seed": 7}, {"explain": True}])
def test_only_managers_rehearse_and_explain(kiosk: Open, asked: dict[str, Any]) -> None:
    assert called(with_scopes(kiosk(), Scope.FILL), "POST", "/v1/fill", SLOTS | asked).status_code == 403
    assert called(with_scopes(kiosk(), Scope.MANAGE), "POST", "/v1/fill", SLOTS | asked).status_code == 200


def test_a_malformed_request_is_told_every_mistake(kiosk: Open) -> None:
    answer = called(kiosk(), "POST", "/v1/fill", {"slots": [{}, {"slot": 5}], "now_s": 1.9})
    assert answer.status_code == 422
    assert [mistake["pointer"] for mistake in answer.json["errors"]] == ["/slots/0/slot", "/slots/1/slot", "/now_s"]
    assert called(kiosk(), "POST", "/v1/fill", b"{").status_code == 400
    assert called(kiosk(), "POST", "/v1/fill", b" " * (BYTES_MAX + 1)).status_code == 413


def test_without_a_catalogue_every_page_gets_an_empty_answer(kiosk: Open) -> None:
    shop = kiosk()
    shop.snapshot = None
    answer = called(shop, "POST", "/v1/fill", SLOTS, key=None)
    assert answer.status_code == 200
    assert answer.json["degraded"] == "L4"
    assert [(fill["status"], fill["reason"]) for fill in answer.json["fills"]] == [("empty", "catalogue_unavailable")]


def test_a_seed_replays_the_same_bytes(kiosk: Open) -> None:
    flights = [a_flight(n, campaign=n, advertiser=n) for n in range(1, 20)]
    shop = with_scopes(kiosk(), Scope.MANAGE)
    shop.book(*flights)
    again = SLOTS | {"seed": 7, "preview": True}
    first = called(shop, "POST", "/v1/fill", again).data
    assert {called(shop, "POST", "/v1/fill", again).data for _ in range(5)} == {first}
    assert len({called(shop, "POST", "/v1/fill", again | {"seed": n}).data for n in range(5)}) == 5
    at = SLOTS | {"seed": 7, "now_s": shop.now_s}
    shop.now_s += 100
    assert called(shop, "POST", "/v1/fill", at).data == first


def test_a_reader_is_told_all_that_is_kept_of_him_and_can_have_it_deleted(kiosk: Open) -> None:
    shop = with_scopes(kiosk(), Scope.FILL)
    shop.book(a_flight(caps=(a_cap(5), a_cap(5, window="flight"))))
    for n in range(2):
        fill = shop(reader="reader/1")["fills"][0]
        if n:
            shop.show(fill)
    kept = called(shop, "GET", "/v1/readers/reader/1").json
    what = {"creative": "crt_1", "flight": "flt_1", "campaign": "cmp_1", "advertiser": "adv_1"}
    held, shown = {"status": "held", "at": "2025-09-07T00:01:00Z"}, {"status": "shown", "at": "2025-09-07T00:00:00Z"}
    assert kept["impressions"] == [what | held, what | shown]
    assert kept["lifetimes"] == [{"flight": "flt_1", "per": "flight", "id": "flt_1", "impressions": 1}]
    assert called(shop, "POST", "/v1/readers/forget", {"key": "reader/1"}).json == {"forgotten": True}
    assert called(shop, "GET", "/v1/readers/reader/1").json == {"impressions": [], "lifetimes": []}
    assert called(shop, "POST", "/v1/readers/forget", {"key": "reader/1"}).json == {"forgotten": False}


def test_a_reader_belongs_to_a_site(kiosk: Open) -> None:
    shop = with_scopes(kiosk(), Scope.FILL, site=None)
    shop.book(a_flight(caps=(a_cap(),)), sites=(a_site(1), a_site(2, domains=("other.example",))))
    shop(reader="a", page={"url": "https://news.example/"})
    assert called(shop, "GET", "/v1/readers/a").status_code == 422
    assert len(called(shop, "GET", "/v1/readers/a?site=site_1").json["impressions"]) == 1
    assert called(shop, "GET", "/v1/readers/a?site=site_2").json["impressions"] == []
    assert called(shop, "GET", "/v1/readers/a?site=site_9").status_code == 404
    shop.key = a_key(site=2)
    shop.book(sites=(a_site(1), a_site(2, domains=("other.example",))))
    assert called(shop, "GET", "/v1/readers/a?site=site_1").status_code == 404, "a foreign site is an absent one"
    assert called(shop, "POST", "/v1/readers/forget", {"key": "a", "site": "site_1"}).status_code == 404


def test_the_routes_are_documented_with_their_schemas(kiosk: Open) -> None:
    paths = kiosk().document()["paths"]
    fill = paths["/v1/fill"]["post"]
    assert fill["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/FillForm"}
    assert {"200", "401", "403", "422"} <= set(fill["responses"])
    assert fill["security"] == [{"key": ["fill", "manage"]}]
    assert {"/v1/readers/forget", "/v1/readers/{key}"} <= set(paths)
