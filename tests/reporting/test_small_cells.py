"""Where small cells of places are not told, the rest of an answer is whole: files, and why slots are empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from adengine import places
from adengine.counting.metrics import Metric
from tests.reporting.books import a_cell, write_rollups
from tests.reporting.conftest import a_client

PERIOD = {"from": "2025-09-01", "to": "2025-09-30"}


@pytest.fixture
def wary(sqlite_engine: Engine, gazetteer: places.Gazetteer) -> FlaskClient:
    return a_client(sqlite_engine, gazetteer, small_cells=10)


@pytest.fixture
def duluth(gazetteer: places.Gazetteer) -> int:
    found = gazetteer.resolve("Duluth,MN").place
    assert found is not None
    return found.id


def told(client: FlaskClient, report: str, **query: str) -> Any:
    path = f"/v1/reports/{report}"
    return client.get(path, query_string=PERIOD | query, headers={"Authorization": "Bearer report"})


def test_numbers_among_the_dimensions_are_null_in_parquet(
    wary: FlaskClient, sqlite_engine: Engine, duluth: int, tmp_path: Path
) -> None:
    write_rollups(sqlite_engine, *(a_cell(place=duluth, n=n, version=v, refresh=2) for v, n in ((1, 40), (2, 3))))
    query = {"filter": "place:Duluth,MN", "group_by": "version,refresh", "metrics": "impressions"}
    assert [list(row.values()) for row in told(wary, "delivery", **query).json["rows"]] == [
        ["few", "few", 3], [1, 2, 40],
    ]  # fmt: skip
    path = tmp_path / "report.parquet"
    path.write_bytes(told(wary, "delivery", format="parquet", **query).data)
    assert duckdb.execute("FROM read_parquet(?)", [str(path)]).fetchall() == [(None, None, 3), (1, 2, 40)]
    kinds = duckdb.execute("DESCRIBE FROM read_parquet(?)", [str(path)]).fetchall()
    assert [kind for _, kind, *_ in kinds] == ["BIGINT"] * 3


def test_caps_that_refused_too_little_to_be_told_do_not_hide_why_slots_are_empty(
    wary: FlaskClient, sqlite_engine: Engine, duluth: int
) -> None:
    nobody = {"flight": 0, "creative": 0, "version": 0}
    write_rollups(
        sqlite_engine,
        a_cell(Metric.EMPTY, n=20, reason="no_match", place=duluth, **nobody),
        a_cell(Metric.CAPPED, n=7, reason="campaign/24h", place=duluth, creative=0, version=0),
        a_cell(Metric.CAPPED, n=9, reason="creative/1d"),
    )
    of_town = told(wary, "why-empty", filter="place:Duluth,MN").json
    assert (of_town["unsold"], of_town["slots"][0]["reasons"][0]["empty"], of_town["caps"]) == (20, 20, [])
    assert [cap["refused"] for cap in told(wary, "why-empty").json["caps"]] == [9, 7]
    assert told(wary, "why-empty", filter="place:Remer,MN").status_code == 422
