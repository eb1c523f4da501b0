"""Pages of a report: together they are the whole, and what is counted meanwhile neither repeats nor hides a row."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from adengine.counting.metrics import Metric
from adengine.errors import Invalid
from adengine.reporting.dimensions import DIMENSIONS, World
from adengine.reporting.load import Desk
from adengine.reporting.paging import OF_PAGES, Mark, cursor_of, mark_of
from adengine.reporting.query import PARAMETERS, parse
from tests.reporting.books import MINNESOTA_TOWNS, NOW_S, SLOTS, a_cell, write_catalogue, write_rollups

PATH = "/v1/reports/delivery"
PERIOD = {"from": "2025-09-01", "to": "2025-10-01", "metrics": "impressions"}
SEED = 7
DAY_S = 86_400


def some_cells(chance: random.Random, count: int, towns: list[int]) -> list[dict[str, Any]]:
    """Rows of the rollups that differ in every dimension."""
    found = [
        a_cell(
            chance.choice([Metric.IMPRESSION, Metric.CLICK]), quarter_s=NOW_S + 900 * chance.randrange(-400, 400),
            flight=(flight := chance.randrange(5)), creative=flight, version=chance.randrange(1, 12),
            slot=(slot := chance.choice(list(SLOTS))), site=SLOTS[slot][0], tier=chance.randrange(4),
            variant=chance.randrange(3), place=chance.choice([0, *towns]), topic=chance.choice([0, 1, 5]),
            reason=chance.choice(["", "late", "bot"]), n=chance.randrange(1, 100),
        )
        for _ in range(count)
    ]  # fmt: skip
    return list({tuple(v for k, v in cell.items() if k != "n"): cell for cell in found}.values())


@pytest.fixture
def towns(world: World) -> list[int]:
    return [place.id for town in MINNESOTA_TOWNS if (place := world.gazetteer.resolve(town).place) is not None]


def told(client: FlaskClient, **query: Any) -> Any:
    return client.get(PATH, query_string=PERIOD | query, headers={"Authorization": "Bearer report"})


def walked(client: FlaskClient, limit: int, meanwhile: Any = lambda: None, **query: Any) -> list[Any]:
    """All pages; something happens between them."""
    pages, cursor = [], {}
    while True:
        answer = told(client, limit=limit, **cursor, **query)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json)
        if answer.json["next"] is None:
            return pages
        assert len(answer.json["rows"]) == limit
        cursor = {"cursor": answer.json["next"]}
        meanwhile()


@pytest.mark.parametrize("group_by", [*(row.name for row in DIMENSIONS), "day,flight,version", "reason,hour,place"])
def test_pages_together_are_the_whole(
    client: FlaskClient, sqlite_engine: Engine, towns: list[int], group_by: str
) -> None:
    write_rollups(sqlite_engine, *some_cells(random.Random(SEED), 60, towns))
    whole = told(client, group_by=group_by, tz="America/Chicago").json
    for limit in (1, 3, len(whole["rows"]), 10_000):
        pages = walked(client, limit, group_by=group_by, tz="America/Chicago")
        assert [row for page in pages for row in page["rows"]] == whole["rows"]
        assert all(page["totals"] == whole["totals"] for page in pages)
        assert len(pages) == -(-len(whole["rows"]) // limit)
    assert whole["next"] is None


def test_new_rows_neither_repeat_nor_hide_others(client: FlaskClient, sqlite_engine: Engine, towns: list[int]) -> None:
    chance = random.Random(SEED)
    there = some_cells(chance, 80, towns)
    names = ("day", "place", "flight")

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in names)

    write_rollups(sqlite_engine, *there)
    before = {key(row) for row in told(client, group_by=",".join(names)).json["rows"]}

    def count_more() -> None:
        more = [cell | {"adjustment": 0} for cell in (*there, *some_cells(chance, 5, towns))]
        there[:] = list({tuple(v for k, v in cell.items() if k != "n"): cell for cell in more}.values())
        write_rollups(sqlite_engine, *there)

    pages = walked(client, 4, count_more, group_by=",".join(names))
    seen = [key(row) for page in pages for row in page["rows"]]
    assert len(seen) == len(set(seen)) and before <= set(seen)
    after = [key(row) for row in told(client, group_by=",".join(names)).json["rows"]]
    assert [each for each in after if each in set(seen)] == seen and len(after) > len(seen)


def test_a_page_goes_on_where_its_row_has_gone(client: FlaskClient, sqlite_engine: Engine) -> None:
    write_rollups(sqlite_engine, *(a_cell(version=n) for n in (1, 2, 10, 30)))
    first = told(client, group_by="version", limit=2).json
    write_rollups(sqlite_engine, *(a_cell(version=n) for n in (1, 10, 30)))
    assert [row["version"] for row in told(client, group_by="version", cursor=first["next"]).json["rows"]] == [10, 30]


def test_a_period_that_ends_now_stands_still(sqlite_engine: Engine, world: World) -> None:
    write_catalogue(sqlite_engine)
    write_rollups(sqlite_engine, *(a_cell(quarter_s=NOW_S + 3600 * n) for n in range(-30, 30)))
    desk = Desk(sqlite_engine, world.gazetteer, world.taxonomy)
    given = {"period": ["today"], "group_by": ["hour"], "limit": ["5"], "metrics": ["impressions"]}
    seen: list[Any] = []
    now_s, cursor = NOW_S, {}
    while True:
        asked = parse(given | cursor, world, now_s)
        report, _ = desk.report(asked, advertiser=None, site=None)
        seen += [row["hour"] for row in report.rows]
        if report.next is None:
            break
        now_s, cursor = now_s + DAY_S, {"cursor": [report.next]}
    assert seen == [f"2025-09-07T{hour:02d}:00:00+00:00" for hour in range(24)]


def test_small_places_are_hidden_on_every_page(sqlite_engine: Engine, world: World, towns: list[int]) -> None:
    write_catalogue(sqlite_engine)
    write_rollups(sqlite_engine, *(a_cell(place=town, n=n) for town, n in zip(towns, (9, 3, 40), strict=True)))
    desk = Desk(sqlite_engine, world.gazetteer, world.taxonomy, small_cells=10)
    given = {name: [value] for name, value in (PERIOD | {"group_by": "city,day", "limit": "1"}).items()}
    first, _ = desk.report(parse(given, world, NOW_S), advertiser=None, site=None)
    assert first.next is not None
    second, _ = desk.report(parse(given | {"cursor": [first.next]}, world, NOW_S), advertiser=None, site=None)
    assert sorted((row["impressions"], row["city"] == "few") for row in first.rows + second.rows) == [
        (12, True), (40, False),
    ]  # fmt: skip
    assert second.next is None


def forged(*said: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(list(said))).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "a", "!!", "é", "x" * 5000, forged(1, 2), forged("x", "a", 3, []), forged("x", 1, 2, {}),
     forged("x", 1, 2, [[]]), forged("x", 1, 2, [1.5]), forged("x", True, 2, [])],
)  # fmt: skip
def test_what_is_no_cursor_is_named(client: FlaskClient, cursor: str) -> None:
    answer = told(client, group_by="day", cursor=cursor)
    assert [error["pointer"] for error in answer.get_json(force=True)["errors"]] == ["?cursor"]


@pytest.mark.parametrize(
    "changed",
    [{"group_by": "flight"}, {"tz": "Asia/Tokyo"}, {"metrics": "clicks"}, {"filter": "flight:flt_1"},
     {"from": "2025-09-02"}, {"source": "rollup"}],
)  # fmt: skip
def test_a_cursor_of_another_report_is_refused(
    client: FlaskClient, sqlite_engine: Engine, changed: dict[str, str]
) -> None:
    write_rollups(sqlite_engine, *(a_cell(quarter_s=NOW_S + DAY_S * n) for n in range(3)))
    cursor = told(client, group_by="day", limit=1).json["next"]
    assert told(client, group_by="day", limit=2, cursor=cursor).status_code == 200
    answer = told(client, **{"group_by": "day", "cursor": cursor} | changed)
    assert answer.status_code == 422 and "another report" in answer.text


@pytest.mark.parametrize("period", [(1, 2), (0, 900), (NOW_S, NOW_S), (NOW_S, 2**40), (-900, NOW_S)])
def test_a_cursor_cannot_ask_for_what_a_query_cannot(
    client: FlaskClient, world: World, period: tuple[int, int]
) -> None:
    given = {"group_by": ["day"]}
    honest = parse(given, world, NOW_S)
    mark = Mark(of=honest.asked_as, from_s=period[0], to_s=period[1], row=("2025-09-07",))
    assert mark_of(cursor_of(mark)) == mark
    with pytest.raises(Invalid):
        parse(given | {"cursor": [cursor_of(mark)]}, world, NOW_S)


def test_a_day_that_is_not_of_the_report_is_named(client: FlaskClient, sqlite_engine: Engine, world: World) -> None:
    write_rollups(sqlite_engine, a_cell())
    asked = parse({"group_by": ["day"]}, world, NOW_S)
    mark = Mark(of=asked.asked_as, from_s=asked.from_s, to_s=asked.to_s, row=("1999-01-01",))
    answer = client.get(PATH, query_string={"group_by": "day", "cursor": cursor_of(mark)},
                        headers={"Authorization": "Bearer report"})  # fmt: skip
    assert answer.status_code == 422 and "1999-01-01" in answer.text


@pytest.mark.parametrize("limit", ["0", "-1", "10001", "1.0", "x", "", "٣"])
def test_a_limit_is_a_whole_number(client: FlaskClient, limit: str) -> None:
    answer = told(client, limit=limit)
    assert [error["pointer"] for error in answer.get_json(force=True)["errors"]] == ["?limit"]


def test_the_parameters_of_pages_are_parameters() -> None:
    assert {row.name for row in PARAMETERS} >= OF_PAGES
