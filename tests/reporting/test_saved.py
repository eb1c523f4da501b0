"""Saved reports: kept with the eyes of the key that saved them, changed by their etag, shared by links that expire."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, update

from adengine.reporting.calendar import DAY_S
from adengine.reporting.paging import READ_BY, cursor_of, mark_of
from adengine.reporting.tables import report_link, saved_report
from tests.counting.books import damage
from tests.reporting.books import NOW_S, a_cell, write_rollups
from tests.reporting.test_api import report

PATH = "/v1/reports/saved"
QUERY = {"from": "2025-09-01", "to": "2025-09-30", "group_by": "flight", "metrics": "impressions"}
SAVED = {"name": "By flight", "query": QUERY}


@pytest.fixture(autouse=True)
def counts(client: FlaskClient, sqlite_engine: Engine) -> None:
    """Flight 1 is of advertiser 1, flight 4 of advertiser 2."""
    write_rollups(sqlite_engine, a_cell(n=3), a_cell(n=5, flight=4, site=2, slot=3))


def call(client: FlaskClient, method: str, path: str, body: Any = None, key: str = "report", **headers: str) -> Any:
    return client.open(path, method=method, json=body, headers={"Authorization": f"Bearer {key}"} | headers)


def saved(client: FlaskClient, key: str = "report", **fields: Any) -> Any:
    made = call(client, "POST", PATH, SAVED | fields, key)
    assert made.status_code == 201, made.json
    return made.json


def test_a_saved_report_is_the_report_of_its_query(client: FlaskClient) -> None:
    made = saved(client)
    assert made == {
        "id": "rpt_1", "created_at": "2025-09-07T00:00:00Z", "updated_at": "2025-09-07T00:00:00Z", "etag": "1",
        "by": "pages", "name": "By flight", "query": QUERY, "schedule": None, "next_at": None,
        "webhook_secret": None,
    }  # fmt: skip
    assert call(client, "GET", f"{PATH}/rpt_1").json == made
    assert call(client, "GET", PATH).json == {"items": [made], "next": None}
    asked = report(client, group_by="flight", metrics="impressions")
    assert call(client, "GET", f"{PATH}/rpt_1/delivery").json == asked
    file = call(client, "GET", f"{PATH}/rpt_1/delivery?format=csv")
    assert file.text.splitlines()[1] == "flt_1,3"


def test_every_mistake_of_a_query_is_named_where_it_stands(client: FlaskClient) -> None:
    wrong = {"from": "never", "group_by": "day,colour", "metrics": 3, "filter": "tier:none", "format": "csv", "x": "y"}
    answer = call(client, "POST", PATH, {"name": " ", "query": wrong, "schedule": {"every": "hour", "at": "25:00"}})
    assert answer.status_code == 422
    pointers = {mistake["pointer"] for mistake in answer.json["errors"]}
    assert pointers == {
        "/name", "/query/from", "/query/group_by", "/query/metrics", "/query/filter", "/query/format", "/query/x",
        "/schedule/every", "/schedule/at",
    }  # fmt: skip


def test_a_schedule_needs_a_period_that_goes_on(client: FlaskClient) -> None:
    answer = call(client, "POST", PATH, SAVED | {"schedule": {"every": "day"}})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/query")


def test_a_change_needs_the_etag_and_replaces_what_it_names(client: FlaskClient) -> None:
    saved(client)
    change = {"query": {"period": "yesterday", "tz": "America/Chicago"}, "schedule": {"every": "day", "at": "07:30"}}
    assert call(client, "PATCH", f"{PATH}/rpt_1", change).status_code == 428
    changed = call(client, "PATCH", f"{PATH}/rpt_1", change, **{"If-Match": '"1"'})
    assert changed.status_code == 200 and changed.json["etag"] == "2" and changed.json["name"] == "By flight"
    assert changed.json["next_at"] == "2025-09-07T12:30:00Z"
    assert changed.json["schedule"] == {"every": "day", "at": "07:30", "format": "csv", "webhook": None}
    assert call(client, "PATCH", f"{PATH}/rpt_1", {"name": "x"}, **{"If-Match": '"1"'}).status_code == 412
    none = call(client, "PATCH", f"{PATH}/rpt_1", {"schedule": None}, **{"If-Match": "2"})
    assert none.json["next_at"] is None


def test_a_new_name_leaves_what_is_due_due(client: FlaskClient, sqlite_engine: Engine) -> None:
    saved(client, query={"period": "yesterday"}, schedule={"every": "day", "at": "06:00"})
    damage(sqlite_engine, update(saved_report).values(next_at_s=NOW_S - 60))
    changed = call(client, "PATCH", f"{PATH}/rpt_1", {"name": "Daily"}, **{"If-Match": '"1"'}).json
    assert (changed["name"], changed["next_at"]) == ("Daily", "2025-09-06T23:59:00Z")
    moved = call(client, "PATCH", f"{PATH}/rpt_1", {"schedule": {"every": "day"}}, **{"If-Match": '"2"'}).json
    assert moved["next_at"] == "2025-09-07T06:00:00Z"


def test_it_is_read_with_the_eyes_of_whoever_saved_it(client: FlaskClient) -> None:
    theirs = saved(client, "advertise")
    rows = call(client, "GET", f"{PATH}/{theirs['id']}/delivery", key="report").json["rows"]
    assert rows == [{"flight": "flt_4", "impressions": 5}]


def test_a_key_that_sees_less_does_not_see_it(client: FlaskClient) -> None:
    made = saved(client)
    for key in ("advertise", "site"):
        assert call(client, "GET", PATH, key=key).json["items"] == []
        for method, path in (("GET", ""), ("GET", "/delivery"), ("GET", "/sent"), ("GET", "/links"), ("DELETE", "")):
            assert call(client, method, f"{PATH}/{made['id']}{path}", key=key).status_code == 404
    assert call(client, "GET", PATH, key="fill").status_code == 403


def test_a_link_opens_this_report_and_nothing_else(client: FlaskClient) -> None:
    saved(client)
    link = call(client, "POST", f"{PATH}/rpt_1/links", {"days": 7}).json
    assert link["expires_at"] == "2025-09-14T00:00:00Z"
    assert link["url"] == f"https://ads.example/reports/shared#{link['token']}"
    shared = call(client, "GET", "/v1/reports/shared", key=link["token"])
    assert shared.json["rows"] == [{"flight": "flt_1", "impressions": 3}, {"flight": "flt_4", "impressions": 5}]
    assert (shared.json["name"], shared.json["expires_at"]) == ("By flight", link["expires_at"])
    assert call(client, "GET", "/v1/reports/shared?format=ndjson", key=link["token"]).text.count("\n") == 2
    refused = call(client, "GET", "/v1/reports/shared?group_by=day", key=link["token"])
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "?group_by")
    for path in (PATH, f"{PATH}/rpt_1", "/v1/reports/delivery"):
        assert call(client, "GET", path, key=link["token"]).status_code == 401


@pytest.mark.parametrize("reader", ["key", "link"])
def test_it_is_read_in_pages_too(client: FlaskClient, reader: str) -> None:
    saved(client)
    link = call(client, "POST", f"{PATH}/rpt_1/links", {}).json
    path, key = (f"{PATH}/rpt_1/delivery", "report") if reader == "key" else ("/v1/reports/shared", link["token"])
    whole = call(client, "GET", path, key=key).json
    first = call(client, "GET", f"{path}?limit=1", key=key).json
    second = call(client, "GET", f"{path}?limit=1&cursor={first['next']}", key=key)
    assert [first["rows"], second.json["rows"]] == [whole["rows"][:1], whole["rows"][1:]]
    assert first["totals"] == second.json["totals"] == whole["totals"]
    assert whole["next"] is second.json["next"] is None
    file = call(client, "GET", f"{path}?limit=1&format=csv", key=key)
    assert file.headers["Adengine-Next"] == first["next"] and file.text.splitlines()[1:] == ["flt_1,3"]


def test_a_page_of_a_period_that_goes_on_stays_in_that_of_the_first(client: FlaskClient) -> None:
    saved(client, query={"period": "today", "group_by": "flight", "metrics": "impressions"})
    token = call(client, "POST", f"{PATH}/rpt_1/links", {}).json["token"]
    first = call(client, "GET", "/v1/reports/shared?limit=1", key=token).json
    mark = mark_of(first["next"].partition(".")[0])
    assert mark is not None and (mark.from_s, mark.to_s) == (NOW_S, NOW_S + DAY_S) and mark.row == ("flt_1",)


def test_whoever_has_a_link_cannot_make_a_cursor_of_another_period(client: FlaskClient) -> None:
    """A cursor has a period; a key may ask for any, a link is of one report."""
    for query in (QUERY, QUERY, QUERY | {"metrics": "clicks"}):
        saved(client, query=query)
    token = call(client, "POST", f"{PATH}/rpt_1/links", {}).json["token"]
    mine = call(client, "GET", "/v1/reports/shared?limit=1", key=token).json["next"]
    mark = mark_of(mine.partition(".")[0])
    assert mark is not None
    longer = cursor_of(replace(mark, from_s=mark.from_s - 100 * DAY_S))
    others = [call(client, "GET", f"{PATH}/rpt_{n}/delivery?limit=1").json["next"] for n in (2, 3)]
    unsigned = report(client, group_by="flight", metrics="impressions", limit="1")["next"]
    wrong = [longer, f"{longer}.{mine.partition('.')[2]}", mine[:-1], unsigned, *others, "", ".", "%C3%A9.%C3%A9"]
    for cursor in wrong:
        refused = call(client, "GET", f"/v1/reports/shared?cursor={cursor}", key=token)
        assert (refused.status_code, [each["pointer"] for each in refused.json["errors"]]) == (422, ["?cursor"]), cursor
    twice = call(client, "GET", f"/v1/reports/shared?cursor={mine}&cursor={mine}&limit=0", key=token)
    assert [each["pointer"] for each in twice.json["errors"]] == ["?cursor", "?limit"]
    assert call(client, "GET", f"/v1/reports/shared?cursor={mine}", key=token).status_code == 200


def test_pages_end_where_the_report_is_changed(client: FlaskClient) -> None:
    saved(client)
    cursor = call(client, "GET", f"{PATH}/rpt_1/delivery?limit=1").json["next"]
    change = {"query": QUERY | {"metrics": "clicks"}}
    call(client, "PATCH", f"{PATH}/rpt_1", change, **{"If-Match": "1"})
    answer = call(client, "GET", f"{PATH}/rpt_1/delivery?cursor={cursor}")
    assert answer.status_code == 422 and "another report" in answer.text


def test_a_page_is_not_saved_with_the_query(client: FlaskClient) -> None:
    answer = call(client, "POST", PATH, SAVED | {"query": QUERY | dict.fromkeys(READ_BY, "1")})
    assert {each["pointer"] for each in answer.json["errors"]} == {f"/query/{name}" for name in READ_BY}


def test_a_link_that_was_taken_back_expired_or_changed_opens_nothing(
    client: FlaskClient, sqlite_engine: Engine
) -> None:
    saved(client)
    links = [call(client, "POST", f"{PATH}/rpt_1/links", {}).json for _ in range(3)]
    assert [link["id"] for link in call(client, "GET", f"{PATH}/rpt_1/links").json["items"]] == [
        "lnk_1",
        "lnk_2",
        "lnk_3",
    ]
    assert call(client, "DELETE", f"{PATH}/rpt_1/links/lnk_1").status_code == 204
    assert call(client, "DELETE", f"{PATH}/rpt_1/links/lnk_1").status_code == 404
    damage(sqlite_engine, update(report_link).where(report_link.c.id == 2).values(expires_at_s=NOW_S))
    damage(sqlite_engine, update(report_link).where(report_link.c.id == 3).values(expires_at_s=NOW_S + 10**9))
    assert client.get("/v1/reports/shared").status_code == 401
    strange = ["x", "shr_3_" + "A" * 43, links[2]["token"][:-1], "shr_99999999999_" + "A" * 43, "report"]
    for token in [*(link["token"] for link in links), *strange]:
        assert call(client, "GET", "/v1/reports/shared", key=token).status_code == 404, token


def test_what_is_forgotten_takes_its_links_along(client: FlaskClient) -> None:
    saved(client)
    token = call(client, "POST", f"{PATH}/rpt_1/links", {}).json["token"]
    assert call(client, "DELETE", f"{PATH}/rpt_1").status_code == 204
    assert call(client, "GET", f"{PATH}/rpt_1").status_code == 404
    assert call(client, "GET", "/v1/reports/shared", key=token).status_code == 404
    assert saved(client)["id"] == "rpt_2", "an id is never given twice"


def test_a_request_that_is_named_makes_one(client: FlaskClient) -> None:
    named = {"Idempotency-Key": "once"}
    first, second = (call(client, "POST", PATH, SAVED, **named).json for _ in range(2))
    assert first == second and len(call(client, "GET", PATH).json["items"]) == 1
    links = [call(client, "POST", f"{PATH}/rpt_1/links", {}, **{"Idempotency-Key": "link"}).json for _ in range(2)]
    assert links[0] == links[1]
