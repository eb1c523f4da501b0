"""Why slots had no sponsor: every reason with its remedy, sums that agree, and what caps have cost."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from adengine.counting.metrics import Metric
from tests.reporting.books import a_cell, write_rollups

PATH = "/v1/reports/why-empty"
PERIOD = {"from": "2025-09-01", "to": "2025-09-30"}
NOBODY = {"flight": 0, "creative": 0, "version": 0}


def asked(client: FlaskClient, key: str = "report", **query: Any) -> Any:
    return client.get(PATH, query_string=PERIOD | query, headers={"Authorization": f"Bearer {key}"})


@pytest.fixture(autouse=True)
def counts(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(
        sqlite_engine,
        a_cell(Metric.FILL, n=60),
        a_cell(Metric.FILL, n=10, reason="all_capped", tier=3),
        a_cell(Metric.EMPTY, n=10, reason="all_capped", **NOBODY),
        a_cell(Metric.EMPTY, n=20, reason="no_match", **NOBODY),
        a_cell(Metric.EMPTY, n=5, slot=3, site=2, reason="paced_out", **NOBODY),
        a_cell(Metric.EMPTY, n=1, slot=0, reason="unknown_slot", **NOBODY),
        a_cell(Metric.CAPPED, n=7, reason="campaign/24h", creative=0, version=0),
        a_cell(Metric.CAPPED, n=9, reason="creative/1d", flight=3, creative=0, version=0),
    )


def test_each_slot_says_why_and_what_would_change_it(client: FlaskClient) -> None:
    told = asked(client).json
    assert (told["requests"], told["unsold"], told["unsold_share"]) == (106, 46, 46 / 106)
    first = told["slots"][0]
    assert (first["slot"], first["slot_name"], first["requests"], first["unsold"]) == ("slot_1", "slot-1", 100, 40)
    assert [(each["reason"], each["empty"], each["house"], each["share"]) for each in first["reasons"]] == [
        ("all_capped", 10, 10, 0.2), ("no_match", 20, 0, 0.2),
    ]  # fmt: skip
    assert all(each["sentence"].endswith(".") and each["remedy"] for slot in told["slots"] for each in slot["reasons"])
    assert [slot["slot"] for slot in told["slots"]] == ["slot_1", "slot_3", None]
    assert [(cap["flight"], cap["cap"], cap["refused"]) for cap in told["caps"]] == [
        ("flt_3", "creative/1d", 9), ("flt_1", "campaign/24h", 7),
    ]  # fmt: skip
    assert told["as_of"] == "2025-09-07T00:00:00Z" and told["sealed_until"] is None
    named = set(told) | set(first) | set(first["reasons"][0]) | set(told["caps"][0])
    assert set(told["definitions"]) <= named and all(text.endswith(".") for text in told["definitions"].values())


def test_it_can_be_narrowed(client: FlaskClient) -> None:
    assert asked(client, filter="site:site_2").json["unsold"] == 5
    assert asked(client, "site").json["unsold"] == 5
    empty = asked(client, **{"from": "2025-09-20"}).json
    assert (empty["requests"], empty["unsold_share"], empty["slots"], empty["caps"]) == (0, None, [], [])


@pytest.mark.parametrize(
    ("query", "key", "status"),
    [
        ({"group_by": "day"}, "report", 422), ({"tz": "Nowhere"}, "report", 422), ({"filter": "x"}, "report", 422),
        ({}, "advertise", 403), ({}, "manage", 200), ({}, "nobody", 401),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(client: FlaskClient, query: dict[str, str], key: str, status: int) -> None:
    assert asked(client, key, **query).status_code == status
