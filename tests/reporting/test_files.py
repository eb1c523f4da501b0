"""Files say up to when they are true and what their columns mean, where tools that read them look for it."""

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

from adengine.counting.seals import sealed_until_s
from adengine.counting.tables import hour_seal
from adengine.reporting.dimensions import DIMENSIONS, Dimension, World
from adengine.reporting.files import FORMATS, HEADERS
from adengine.reporting.jobs.make import Maker
from adengine.reporting.load import Desk
from adengine.reporting.metrics import METRICS
from adengine.store.sql import writing
from tests.reporting.books import NOW_S, a_cell, write_rollups

PATH = "/v1/reports/delivery"
HEADER_BYTES_MAX = 7000
"""Of the longest report; proxies take 8 kB."""
ASKED = {"from": "2025-09-01", "to": "2025-09-30", "group_by": "day,campaign,version", "metrics": "impressions,ctr"}


@pytest.fixture
def counted(client: FlaskClient, sqlite_engine: Engine) -> Engine:
    """Some days of it, the first hours sealed."""
    write_rollups(sqlite_engine, *(a_cell(quarter_s=NOW_S + n * 86_400, n=n + 1) for n in range(3)))
    with writing(sqlite_engine) as connection:
        connection.execute(hour_seal.insert().values(hour_s=NOW_S, sealed_at_s=NOW_S, cells=1, digest=b"x"))
        assert sealed_until_s(connection) == NOW_S + 3600
    return sqlite_engine


def told(client: FlaskClient, **query: Any) -> Any:
    answer = client.get(PATH, query_string=ASKED | query, headers={"Authorization": "Bearer report"})
    assert answer.status_code == 200, answer.text
    return answer


def of_headers(answer: Any) -> dict[str, Any]:
    found = {told: answer.headers.get(name) for told, name in HEADERS.items()}
    return found | {"definitions": json.loads(found["definitions"] or "null")}


def of_json(document: Any) -> dict[str, Any]:
    return {name: document[name] for name in HEADERS}


@pytest.mark.parametrize("format_", FORMATS)
def test_headers_of_every_file_say_what_json_says(client: FlaskClient, counted: Engine, format_: str) -> None:
    for query in ({}, {"limit": 1}):
        assert of_headers(told(client, format=format_, **query)) == of_json(told(client, **query).json)


def test_parquet_has_it_inside(client: FlaskClient, counted: Engine, tmp_path: Path) -> None:
    path = tmp_path / "report.parquet"
    path.write_bytes(told(client, format="parquet").data)
    kept = duckdb.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
    found = {bytes(key).decode(): bytes(value).decode() for key, value in kept}
    wanted = of_json(told(client).json)
    assert json.loads(found.pop("definitions")) == wanted["definitions"]
    assert found == {name: wanted[name] for name in ("as_of", "sealed_until")}


@pytest.mark.parametrize("row", DIMENSIONS, ids=lambda row: row.name)
def test_parquet_has_the_values_of_json(
    client: FlaskClient, sqlite_engine: Engine, tmp_path: Path, world: World, row: Dimension
) -> None:
    place = world.gazetteer.resolve("Remer,MN").place
    assert place is not None
    write_rollups(sqlite_engine, a_cell(place=place.id, topic=5, variant=1, reason="x", n=3))
    path = tmp_path / "report.parquet"
    path.write_bytes(told(client, format="parquet", group_by=row.name).data)
    ((value,),) = duckdb.execute(f"SELECT {row.name} FROM read_parquet(?)", [str(path)]).fetchall()
    assert value == told(client, group_by=row.name).json["rows"][0][row.name]


def test_by_default_csv_and_ndjson_are_rows_alone(client: FlaskClient, counted: Engine) -> None:
    assert told(client, format="csv").text.startswith("day,campaign,campaign_name,version,")
    assert told(client, format="csv", about="false").data == told(client, format="csv").data
    rows = [json.loads(line) for line in told(client, format="ndjson").text.splitlines()]
    assert rows == told(client).json["rows"]


def test_csv_begins_with_it_where_that_is_asked_for(client: FlaskClient, counted: Engine, tmp_path: Path) -> None:
    answer = told(client, format="csv", about="true")
    assert answer.content_type == "text/csv; charset=utf-8"
    wanted = of_json(told(client).json)
    lines = answer.text.splitlines(keepends=True)
    front = [line for line in lines if line.startswith("# ")]
    assert [line.rstrip("\r\n") for line in front] == [
        f"# as_of: {wanted['as_of']}", f"# sealed_until: {wanted['sealed_until']}",
        *(f"# {name}: {text}" for name, text in wanted["definitions"].items()),
    ]  # fmt: skip
    assert "".join(lines[len(front) :]) == told(client, format="csv").text
    path = tmp_path / "report.csv"
    path.write_bytes(answer.data)
    read = duckdb.execute("SELECT day, impressions FROM read_csv(?, comment = '#')", [str(path)]).fetchall()
    assert [(str(day), n) for day, n in read] == [("2025-09-07", 1), ("2025-09-08", 2), ("2025-09-09", 3)]


def test_ndjson_begins_with_one_line_of_it(client: FlaskClient, counted: Engine) -> None:
    first, *rows = (json.loads(line) for line in told(client, format="ndjson", about="true").text.splitlines())
    document = told(client).json
    assert first == {"about": of_json(document)} and rows == document["rows"]


def test_json_and_parquet_are_the_same_with_and_without(client: FlaskClient, counted: Engine) -> None:
    assert told(client, about="true").json == told(client).json
    answer = client.get(PATH, query_string={"about": "yes"}, headers={"Authorization": "Bearer report"})
    assert [error["pointer"] for error in answer.get_json(force=True)["errors"]] == ["?about"]


def test_before_anything_was_counted_nothing_is_said_of_when(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(sqlite_engine, drained_at_s=0)
    for format_ in FORMATS:
        found = of_headers(told(client, format=format_, about="true"))
        assert (found["as_of"], found["sealed_until"], found["next"]) == (None, None, None) and found["definitions"]


def test_the_longest_report_has_headers_that_proxies_take(client: FlaskClient, counted: Engine) -> None:
    everything = {"group_by": ",".join(row.name for row in DIMENSIONS), "metrics": ",".join(r.name for r in METRICS)}
    answer = told(client, format="csv", limit=1, **everything)
    assert sum(len(name) + len(value) + 4 for name, value in answer.headers) < HEADER_BYTES_MAX


def test_a_job_s_file_says_it_as_its_rows_were_made(
    client: FlaskClient, counted: Engine, tmp_path: Path, world: Any
) -> None:
    query = ASKED | {"about": "true"}
    headers = {"Authorization": "Bearer report"}
    asked = client.post("/v1/reports/jobs", json={"query": query}, headers=headers).json
    desk = Desk(counted, world.gazetteer, world.taxonomy)
    assert Maker(desk, keep_s=86_400, clock=lambda: NOW_S).make_all() == 1
    wanted = told(client).json
    write_rollups(counted, a_cell(), drained_at_s=NOW_S + 5)
    answer = client.get(f"/v1/reports/jobs/{asked['id']}/file", query_string={"format": "csv"}, headers=headers)
    assert of_headers(answer) == of_json(wanted)
    front = [line for line in answer.text.splitlines() if line.startswith("#")]
    assert front[0] == f"# as_of: {wanted['as_of']}"
    assert len(list(csv.DictReader(io.StringIO(answer.text[sum(len(line) + 2 for line in front) :])))) == 3


def test_a_saved_report_keeps_that_it_wants_it(client: FlaskClient, counted: Engine) -> None:
    headers = {"Authorization": "Bearer report"}
    made = client.post("/v1/reports/saved", json={"name": "x", "query": ASKED | {"about": "true"}}, headers=headers)
    assert made.status_code == 201, made.text
    answer = client.get(f"/v1/reports/saved/{made.json['id']}/delivery?format=csv", headers=headers)
    assert answer.text.startswith("# as_of: ")
    for name in ("limit", "cursor", "format"):
        refused = client.post("/v1/reports/saved", json={"name": "x", "query": {name: "1"}}, headers=headers)
        assert [each["pointer"] for each in refused.get_json(force=True)["errors"]] == [f"/query/{name}"]
