"""The delivery report over HTTP: who may see what, in which format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from adengine import places
from adengine.counting.metrics import Metric
from adengine.reporting.query import PARAMETERS
from adengine.store import sql
from tests.reporting.books import a_cell, write_rollups
from tests.reporting.conftest import a_client

PATH = "/v1/reports/delivery"
PERIOD = {"from": "2025-09-01", "to": "2025-09-30"}


def report(client: FlaskClient, key: str = "report", **query: Any) -> Any:
    answer = client.get(PATH, query_string=PERIOD | query, headers={"Authorization": f"Bearer {key}"})
    return answer.json if answer.is_json else answer


def test_an_answer_has_rows_totals_and_what_they_mean(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(sqlite_engine, a_cell(n=3), a_cell(Metric.INVALID_IMPRESSION, n=2, reason="late"))
    assert report(client, group_by="day", metrics="impressions,invalid,gross") == {
        "rows": [{"day": "2025-09-07", "impressions": 3, "invalid": 2, "gross": 5}],
        "next": None,
        "totals": {"impressions": 3, "invalid": 2, "gross": 5},
        "as_of": "2025-09-07T00:00:00Z",
        "sealed_until": None,
        "definitions": {
            "day": "The local calendar day; 23 or 25 hours long when clocks change.",
            "impressions": "Lines that began to render, each once; what is billed by cpm.",
            "invalid": "Impression beacons that were received and do not count; `reason` says why.",
            "gross": "All impression beacons: impressions + invalid.",
        },
    }


def test_before_anything_was_counted_there_is_no_as_of(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(sqlite_engine, drained_at_s=0)
    assert report(client)["as_of"] is None


@pytest.mark.parametrize(
    ("key", "status"), [("report", 200), ("manage", 200), ("advertise", 200), ("fill", 403), ("nobody", 401)]
)
def test_only_keys_with_a_scope_for_reports_get_one(client: FlaskClient, key: str, status: int) -> None:
    assert client.get(PATH, headers={"Authorization": f"Bearer {key}"}).status_code == status


def test_an_advertiser_sees_his_own_flights_and_no_others(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(
        sqlite_engine, *(a_cell(flight=flight, n=10**flight) for flight in (1, 2, 3, 4)),
        a_cell(Metric.EMPTY, flight=0, n=7),
    )  # fmt: skip
    mine = report(client, "advertise", group_by="flight", metrics="impressions,empty")
    assert mine["rows"] == [{"flight": "flt_4", "impressions": 10**4, "empty": 0}]
    assert mine["totals"] == {"impressions": 10**4, "empty": 0}


@pytest.mark.parametrize("foreign", ["flight:flt_1", "advertiser:adv_1", "campaign:cmp_1", "flight:flt_999"])
def test_what_is_foreign_to_an_advertiser_looks_like_what_is_absent(
    client: FlaskClient, sqlite_engine: Engine, foreign: str
) -> None:
    write_rollups(sqlite_engine, *(a_cell(flight=flight) for flight in (1, 4)))
    answer = report(client, "advertise", group_by="flight", filter=foreign)
    assert (answer["rows"], answer["totals"]["impressions"]) == ([], 0)


def test_a_key_of_a_site_sees_that_site(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(sqlite_engine, a_cell(site=1, slot=1, n=3), a_cell(site=2, slot=3, n=5))
    assert report(client, "site")["totals"]["impressions"] == 5
    assert report(client, "site", filter="site:site_1")["totals"]["impressions"] == 0


def test_csv_has_the_rows_and_runs_no_formula(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(sqlite_engine, a_cell(n=3), a_cell(flight=0, creative=0, n=2))
    answer = report(client, group_by="campaign", metrics="impressions,ctr", format="csv")
    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="delivery.csv"'
    assert list(csv.reader(io.StringIO(answer.text, newline=""))) == [
        ["campaign", "campaign_name", "impressions", "ctr"],
        ["", "", "2", "0.0"],
        ["cmp_1", "'=Campaign 1", "3", "0.0"],
    ]


def test_ndjson_and_parquet_have_the_rows_with_their_types(
    client: FlaskClient, sqlite_engine: Engine, tmp_path: Path
) -> None:
    write_rollups(
        sqlite_engine, a_cell(n=3), a_cell(Metric.CLICK, n=1), a_cell(Metric.EMPTY, flight=0, creative=0, n=2)
    )
    asked = {"group_by": "day,campaign,version", "metrics": "impressions,clicks,ctr,empty"}
    rows = report(client, **asked)["rows"]
    lines = report(client, **asked, format="ndjson")
    assert lines.content_type == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    parquet = report(client, **asked, format="parquet")
    assert parquet.headers["Content-Disposition"] == 'attachment; filename="delivery.parquet"'
    path = tmp_path / "report.parquet"
    path.write_bytes(parquet.data)
    read = duckdb.sql(f"SELECT * FROM '{path}'")
    assert [dict(zip(read.columns, row, strict=True)) for row in read.fetchall()] == rows
    assert dict(zip(read.columns, map(str, read.types), strict=True)) == {
        "day": "VARCHAR", "campaign": "VARCHAR", "campaign_name": "VARCHAR", "version": "BIGINT",
        "impressions": "BIGINT", "clicks": "BIGINT", "ctr": "DOUBLE", "empty": "BIGINT",
    }  # fmt: skip


def test_every_mistake_is_a_pointer_of_one_problem(client: FlaskClient) -> None:
    answer = client.get(
        PATH, query_string={"tz": "Nowhere", "metrics": "joy", "what": "1"}, headers={"Authorization": "Bearer report"}
    )
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert sorted(error["pointer"] for error in answer.get_json(force=True)["errors"]) == ["?metrics", "?tz", "?what"]


def test_no_cache_keeps_a_report(client: FlaskClient) -> None:
    for format_ in ("json", "csv"):
        answer = client.get(PATH, query_string={"format": format_}, headers={"Authorization": "Bearer report"})
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_without_a_database_a_report_is_asked_for_again(
    sqlite_engine: Engine, sqlite_url: str, gazetteer: places.Gazetteer
) -> None:
    client = a_client(sql.engine(sqlite_url), gazetteer)
    Path(sqlite_url.removeprefix("sqlite:///")).unlink()
    answer = client.get(PATH, headers={"Authorization": "Bearer report"})
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0


def test_the_document_lists_every_parameter(client: FlaskClient) -> None:
    parameters = client.get("/openapi.json").get_json()["paths"][PATH]["get"]["parameters"]
    assert [parameter["name"] for parameter in parameters] == [parameter.name for parameter in PARAMETERS]
