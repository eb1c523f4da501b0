"""Reports in the background: the same as at once, only larger; watched, read page by page or as a file, forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, update

from adengine import places, topics
from adengine.counting.metrics import Metric
from adengine.counting.tables import rollup
from adengine.reporting.jobs import make
from adengine.reporting.jobs.make import Maker
from adengine.reporting.load import Desk
from adengine.reporting.tables import report_job
from tests.counting.books import damage
from tests.reporting.books import NOW_S, a_cell, write_rollups
from tests.reporting.test_api import report
from tests.reporting.test_saved import call

PATH = "/v1/reports/jobs"
DAY_S = 86_400
QUERY = {"from": "2025-08-01", "to": "2025-10-01", "group_by": "day,flight", "metrics": "impressions,clicks,ctr"}


@pytest.fixture
def maker(client: FlaskClient, sqlite_engine: Engine, gazetteer: places.Gazetteer) -> Maker:
    cells = [
        a_cell(metric, quarter_s=NOW_S + day * DAY_S, n=day % 7 + 1, flight=flight)
        for day in range(-30, 20)
        for flight in (1, 2, 4)
        for metric in (Metric.IMPRESSION, Metric.CLICK)
    ]
    write_rollups(sqlite_engine, *cells)
    return Maker(Desk(sqlite_engine, gazetteer, topics.load()), DAY_S, lambda: NOW_S)


def asked(client: FlaskClient, key: str = "report", **query: str) -> Any:
    made = call(client, "POST", PATH, {"query": QUERY | query}, key)
    assert made.status_code == 202 and made.headers["Location"] == f"{PATH}/{made.json['id']}"
    return made.json


def all_rows(client: FlaskClient, job: str, limit: int) -> list[Any]:
    rows: list[Any] = []
    cursor = ""
    while True:
        page = call(client, "GET", f"{PATH}/{job}/rows?limit={limit}{cursor}").json
        assert len(page["rows"]) <= limit
        rows += page["rows"]
        if page["next"] is None:
            return rows
        cursor = f"&cursor={page['next']}"


def test_it_is_the_report_that_would_have_been_answered_at_once(client: FlaskClient, maker: Maker) -> None:
    job = asked(client)
    assert (job["status"], job["progress"], job["rows"]) == ("queued", 0, None)
    early = call(client, "GET", f"{PATH}/{job['id']}/rows")
    assert (early.status_code, early.json["detail"]) == (409, "it is queued, 0% done; ask again")
    assert maker.make_all() == 1
    done = call(client, "GET", f"{PATH}/{job['id']}").json
    at_once = report(client, **QUERY)
    assert (done["status"], done["progress"], done["rows"]) == ("done", 1, len(at_once["rows"]))
    page = call(client, "GET", f"{PATH}/{job['id']}/rows?limit=2000").json
    assert page == at_once | {"next": None}
    assert [all_rows(client, job["id"], limit) for limit in (1, 7, 149, 150)] == [at_once["rows"]] * 4


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=st.lists(st.sampled_from(["hour", "day", "week", "month", "flight", "advertiser"]), max_size=2, unique=True),
    tz=st.sampled_from(["UTC", "America/Chicago", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    first=st.integers(1, 28),
)
def test_weeks_that_are_read_apart_make_the_same_report(
    client: FlaskClient, maker: Maker, groups: list[str], tz: str, first: int
) -> None:
    query = {"group_by": ",".join(groups), "tz": tz, "from": f"2025-08-{first:02d}", "to": "2025-09-20"}
    job = asked(client, **query)
    maker.make_all()
    at_once = report(client, **QUERY | query)
    page = call(client, "GET", f"{PATH}/{job['id']}/rows?limit=2000").json
    assert page["totals"] == at_once["totals"] and all_rows(client, job["id"], 2000) == at_once["rows"]


def test_it_is_a_file_too(client: FlaskClient, maker: Maker, tmp_path: Path) -> None:
    job = asked(client)["id"]
    maker.make_all()
    at_once = report(client, **QUERY)
    for format_ in ("csv", "ndjson"):
        file = call(client, "GET", f"{PATH}/{job}/file?format={format_}")
        assert file.text == report(client, **QUERY, format=format_).text
    parquet = tmp_path / "rows.parquet"
    parquet.write_bytes(call(client, "GET", f"{PATH}/{job}/file?format=parquet").data)
    found = duckdb.sql(f"SELECT count(*), sum(impressions) FROM '{parquet}'").fetchall()
    assert found == [(len(at_once["rows"]), at_once["totals"]["impressions"])]
    for query in ("", "?format=json", "?format=csv&x=1"):
        assert call(client, "GET", f"{PATH}/{job}/file{query}").status_code == 422


def test_it_may_have_more_rows_than_an_answer(client: FlaskClient, maker: Maker, sqlite_engine: Engine) -> None:
    cells = [a_cell(creative=creative, adjustment=0) for creative in range(2, 12_002)]
    damage(sqlite_engine, *(insert(rollup).values(cells[at : at + 1000]) for at in range(0, len(cells), 1000)))
    query = QUERY | {"group_by": "creative", "metrics": "impressions"}
    refused = report(client, **query)
    assert "POST /v1/reports/jobs" in refused["errors"][0]["detail"]
    job = asked(client, **query)["id"]
    maker.make_all()
    assert call(client, "GET", f"{PATH}/{job}").json["rows"] == 12_001
    assert len(all_rows(client, job, 2000)) == 12_001


def test_what_is_too_large_even_so_says_why(client: FlaskClient, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "ROWS_MAX", 10)
    job = asked(client)["id"]
    maker.make_all()
    failed = call(client, "GET", f"{PATH}/{job}").json
    assert failed["status"] == "failed" and "more than 10 rows" in failed["problem"]
    assert call(client, "GET", f"{PATH}/{job}/rows").status_code == 409


def test_a_fault_of_ours_ends_one_report_and_not_the_others(
    client: FlaskClient, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = asked(client)["id"], asked(client)["id"]
    loaded = make.load

    def breaks(*_: Any) -> Any:
        monkeypatch.setattr(make, "load", loaded)
        raise RuntimeError("broken")

    monkeypatch.setattr(make, "load", breaks)
    assert maker.make_all() == 2
    jobs = [call(client, "GET", f"{PATH}/{job}").json for job in (first, second)]
    assert [job["status"] for job in jobs] == ["failed", "done"] and "fault of the engine" in jobs[0]["problem"]


def test_one_whose_maker_died_is_made_by_another(client: FlaskClient, maker: Maker, sqlite_engine: Engine) -> None:
    job = asked(client)["id"]
    damage(sqlite_engine, update(report_job).values(status="running", claimed_until_s=NOW_S))
    assert maker.make_all() == 0, "it may live"
    damage(sqlite_engine, update(report_job).values(claimed_until_s=NOW_S - 1, progress=0.5))
    assert maker.make_all() == 1
    assert call(client, "GET", f"{PATH}/{job}").json["status"] == "done"


def test_one_that_is_dropped_while_it_is_made_is_given_up(
    client: FlaskClient, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = asked(client)["id"]
    loaded = make.load

    def drops(*given: Any) -> Any:
        call(client, "DELETE", f"{PATH}/{job}")
        monkeypatch.setattr(make, "load", loaded)
        return loaded(*given)

    monkeypatch.setattr(make, "load", drops)
    maker.make_all()
    assert call(client, "GET", f"{PATH}/{job}").status_code == 404
    assert call(client, "GET", PATH).json["items"] == []


def test_a_key_that_sees_less_does_not_see_it(client: FlaskClient, maker: Maker) -> None:
    job, theirs = asked(client)["id"], asked(client, "advertise")["id"]
    maker.make_all()
    for path in ("", "/rows", "/file?format=csv"):
        assert call(client, "GET", f"{PATH}/{job}{path}", key="advertise").status_code == 404
    rows = call(client, "GET", f"{PATH}/{theirs}/rows", key="advertise").json["rows"]
    assert {row["flight"] for row in rows} == {"flt_4"}


def test_it_is_forgotten_when_its_time_is_over(
    client: FlaskClient, maker: Maker, sqlite_engine: Engine, gazetteer: places.Gazetteer
) -> None:
    job = asked(client)
    maker.make_all()
    assert job["kept_until"] == "2025-09-08T00:00:00Z"
    Maker(Desk(sqlite_engine, gazetteer, topics.load()), DAY_S, lambda: NOW_S + DAY_S + 1).make_all()
    assert call(client, "GET", f"{PATH}/{job['id']}").status_code == 404
