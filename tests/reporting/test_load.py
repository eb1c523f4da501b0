"""How often a report asks the database, and up to when it says to be true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from adengine.reporting.dimensions import World
from adengine.reporting.load import Desk, Loaded
from adengine.reporting.query import parse
from adengine.store import schema, sql
from adengine.store.sql import glancing
from tests.reporting.books import NOW_S, a_cell, write_catalogue, write_rollups

PERIOD = {"from": "2025-09-01", "to": "2025-10-01"}
STANDING = {"as_of": "2025-09-07T00:00:00Z", "sealed_until": None}


@pytest.fixture
def desk(engine: sa.Engine, world: World) -> Desk:
    write_catalogue(engine)
    write_rollups(engine, a_cell(n=3), a_cell(n=4, flight=2), drained_at_s=NOW_S)
    return Desk(engine, world.gazetteer, world.taxonomy)


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[sa.Engine]:
    made = sql.engine(postgres_url)
    schema.upgrade(made)
    yield made
    made.dispose()


def told(desk: Desk, **given: str) -> tuple[list[dict[str, Any]], Loaded]:
    asked = parse({name: [value] for name, value in (PERIOD | given).items()}, desk.world, NOW_S)
    report, loaded = desk.report(asked, advertiser=None, site=None)
    return report.rows, loaded


@pytest.mark.parametrize("group_by", ["day", "flight", "campaign", ""])
def test_a_report_says_up_to_when_it_is_true_with_rows_and_without(desk: Desk, group_by: str) -> None:
    rows, loaded = told(desk, group_by=group_by, filter="flight:flt_1", metrics="impressions")
    assert [row["impressions"] for row in rows] == [3] and loaded.standing == STANDING
    rows, loaded = told(desk, group_by=group_by, filter="flight:flt_3", metrics="impressions")
    assert [row["impressions"] for row in rows] == ([] if group_by else [0]) and loaded.standing == STANDING


@pytest.mark.parametrize(
    ("group_by", "metrics", "queries"),
    [("day", "impressions", 1), ("campaign", "impressions", 2), ("day", "spend_micros", 2)],
)
def test_the_standing_comes_with_the_sums(desk: Desk, group_by: str, metrics: str, queries: int) -> None:
    """And the names, or the flat prices, in another query of the same view."""
    said: list[str] = []
    sa.event.listen(desk.engine, "before_cursor_execute", lambda _1, _2, query, *_: said.append(query))
    told(desk, group_by=group_by, metrics=metrics)
    assert len([query for query in said if query.startswith(("SELECT", "WITH"))]) == queries, said


def test_postgresql_never_plans_a_report_without_its_period(postgres_engine: sa.Engine, world: World) -> None:
    """It would, of a statement that psycopg has prepared: from the sixth time on."""
    write_catalogue(postgres_engine)
    write_rollups(postgres_engine, a_cell())
    desk = Desk(postgres_engine, world.gazetteer, world.taxonomy)
    for _ in range(12):
        told(desk, group_by="day", metrics="impressions")
    with glancing(postgres_engine) as connection:
        prepared = connection.exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars().all()
        driver: Any = connection.connection.driver_connection
    assert not [statement for statement in prepared if "FROM rollup" in statement]
    assert driver.prepare_threshold is not None
