"""Corrections of sealed hours: who may make them, what is refused, and that every report has them in its sums."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert

from adengine.counting.tables import adjustment, hour_seal, kept_since, rollup
from tests.counting.books import damage
from tests.reporting.books import NOW_S, a_cell, write_rollups
from tests.reporting.test_api import report

PATH = "/v1/adjustments"
REFUND = {
    "flight": "flt_1", "hour": "2025-09-07T00:20:00Z", "impressions": -3, "spend_micros": -9000, "note": "a wrong page",
}  # fmt: skip


@pytest.fixture(autouse=True)
def counts(client: FlaskClient, sqlite_engine: Engine) -> None:
    """Ten impressions in a sealed hour and in the next one, which is not."""
    write_rollups(
        sqlite_engine, a_cell(n=10, micros=30_000, place=7), a_cell(n=10, micros=30_000, quarter_s=NOW_S + 3600)
    )
    damage(sqlite_engine, insert(hour_seal).values(hour_s=NOW_S, sealed_at_s=1, cells=1, digest=b""))


def asked(client: FlaskClient, body: Any, key: str = "admin", **headers: str) -> Any:
    return client.post(PATH, json=body, headers={"Authorization": f"Bearer {key}"} | headers)


def test_a_refund_is_in_every_sum_and_listed_with_its_note(client: FlaskClient) -> None:
    made = asked(client, REFUND)
    assert made.status_code == 201
    document = made.json
    assert document == {
        "id": "adj_1", "created_at": "2025-09-07T00:00:00Z", "kind": "made", "by": "the bookkeeper",
        "note": "a wrong page",
        "hours": ["2025-09-07T00:00:00Z"], "flights": ["flt_1"], "impressions": -3, "viewable": 0, "clicks": 0,
        "spend_micros": -9000,
    }  # fmt: skip
    told = report(client, group_by="hour,flight", metrics="impressions,spend_micros", tz="UTC")
    assert [(row["impressions"], row["spend_micros"]) for row in told["rows"]] == [(7, 21_000), (10, 30_000)]
    assert told["totals"] == {"impressions": 17, "spend_micros": 51_000}
    assert told["sealed_until"] == "2025-09-07T01:00:00Z"
    listed = client.get(PATH, headers={"Authorization": "Bearer report"}).json
    assert listed == {"items": [document], "next": None}


def test_another_one_takes_it_back(client: FlaskClient) -> None:
    asked(client, REFUND)
    asked(client, REFUND | {"impressions": 3, "spend_micros": 9000, "clicks": 2})
    assert report(client, metrics="impressions,spend_micros,clicks")["totals"] == {
        "impressions": 20, "spend_micros": 60_000, "clicks": 2,
    }  # fmt: skip
    first = client.get(PATH + "?limit=1", headers={"Authorization": "Bearer admin"}).json
    second = client.get(f"{PATH}?limit=1&cursor={first['next']}", headers={"Authorization": "Bearer admin"}).json
    assert [len(first["items"]), second["items"][0]["id"], second["next"]] == [1, "adj_2", None]


def test_a_request_that_is_sent_twice_is_done_once(client: FlaskClient) -> None:
    twice = [asked(client, REFUND, Idempotency_Key="a refund").json for _ in range(2)]
    named = [asked(client, REFUND, **{"Idempotency-Key": "another"}).json for _ in range(2)]
    assert twice[0] != twice[1] and named[0] == named[1]


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"hour": "2025-09-07T01:00:00Z"}, ["/hour"]),
        ({"flight": "flt_99"}, ["/flight"]),
        ({"flight": "flt_99", "hour": "2026-01-01T00:00:00Z"}, ["/flight", "/hour"]),
        ({"impressions": 0, "spend_micros": 0}, [""]),
        (
            {"impressions": 1.5, "note": " ", "flight": "flight", "more": 1},
            ["/flight", "/impressions", "/more", "/note"],
        ),
        ({"clicks": 10**13}, ["/clicks"]),
    ],
)
def test_every_mistake_is_named_and_nothing_is_changed(
    client: FlaskClient, change: dict[str, Any], pointers: list[str]
) -> None:
    refused = asked(client, REFUND | change)
    assert refused.status_code == 422
    assert sorted(mistake["pointer"] for mistake in refused.json["errors"]) == pointers
    assert report(client)["totals"]["impressions"] == 20


def test_an_hour_whose_sums_are_kept_no_more_cannot_be_corrected(client: FlaskClient, sqlite_engine: Engine) -> None:
    damage(sqlite_engine, insert(kept_since).values(name=rollup.name, since_s=NOW_S))
    refused = asked(client, REFUND | {"hour": "2025-09-06T23:59:59Z"})
    assert refused.status_code == 422 and "before 2025-09-07T00:00:00Z" in refused.json["errors"][0]["detail"]
    assert asked(client, REFUND).status_code == 201


def test_an_advertiser_reads_what_was_corrected_of_his_own_flights(client: FlaskClient, sqlite_engine: Engine) -> None:
    asked(client, REFUND)
    his = asked(client, REFUND | {"flight": "flt_4", "note": "his"}).json
    late = {"id": 3, "at_s": NOW_S, "kind": "late", "by": "", "note": ""}
    cells = [a_cell(adjustment=3, flight=flight, n=n, micros=n) for flight, n in ((1, 100), (4, 5))]
    damage(sqlite_engine, insert(adjustment).values(late), insert(rollup).values(cells))
    items = client.get(PATH, headers={"Authorization": "Bearer sponsor"}).json["items"]
    assert items[0] == his
    assert [(each["id"], each["flights"], each["impressions"], each["spend_micros"]) for each in items[1:]] == [
        ("adj_3", ["flt_4"], 5, 5),
    ]  # fmt: skip
    assert len(client.get(PATH, headers={"Authorization": "Bearer report"}).json["items"]) == 3


@pytest.mark.parametrize(("key", "status"), [("manage", 403), ("report", 403), ("advertise", 403), ("nobody", 401)])
def test_only_the_operator_may(client: FlaskClient, key: str, status: int) -> None:
    assert asked(client, REFUND, key).status_code == status
