"""Reports read no more of the rollups than they must: databases are asked how they would go about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, Select, event

from adengine.reporting import sql
from adengine.reporting.adjustments.sql import page
from adengine.reporting.dimensions import World
from adengine.reporting.query import ROWS_MAX, parse
from adengine.reporting.question import question_of
from tests.reporting.books import NOW_S, a_cell, write_campaigns, write_catalogue, write_rollups

BY_FLIGHT = "ix_rollup_flight"
BY_PERIOD = re.compile(
    r"SEARCH rollup USING PRIMARY KEY \(quarter_s>\? AND quarter_s<\?\)|Index Cond: \(\(quarter_s >= "
)
PERIOD = {"from": "2025-06-12", "to": "2025-09-07"}


def plans(engine: Engine, world: World, **given: str) -> list[str]:
    """How each query of a report is gone about, as it is sent."""
    asked = parse({name.rstrip("_"): [value] for name, value in given.items()}, world, NOW_S)
    question = question_of(asked, advertiser=None, site=None)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    found: list[str] = []
    sent: list[Select[Any]] = []

    def read(query: Select[Any], values: sql.Values) -> Sequence[Any]:
        sent.append(query.params(values))
        return ()

    sql.parts_of(question, ROWS_MAX, engine.dialect.name, read)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # few rows are read faster without an index, so it would not say
            connection.exec_driver_sql("SET enable_seqscan = off")
        for query in sent:
            text = query.compile(engine, compile_kwargs={"literal_binds": True})
            steps = connection.exec_driver_sql(f"{explain} {text}").all()
            found.append("\n".join(str(step[-1]) for step in steps))
    return found


@pytest.fixture
def book(engine: Engine) -> Engine:
    write_catalogue(engine)
    write_campaigns(engine, 101, 20, 4)
    cells = (a_cell(flight=101 + n, quarter_s=NOW_S - 86_400 * day) for n in (*range(80), 4 - 101) for day in range(90))
    write_rollups(engine, *cells)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":  # which does so by itself; SQLite plans without
            connection.exec_driver_sql("ANALYZE")
    return engine


@pytest.mark.parametrize(
    ("group_by", "given"),
    [
        ("day", {"filter": "flight:flt_101"}),
        ("month,creative", {"filter": "flight:flt_101"}),
        ("place,topic", {"filter": "campaign:cmp_101"}),
        ("hour", {"filter": "campaign:cmp_101", "from": "2025-09-01"}),
        ("week,variant", {"filter": "advertiser:adv_2"}),
        ("campaign,currency", {"filter": "advertiser:adv_2"}),
        ("day", {"filter": "creative:crt_2"}),
    ],
)
def test_whose_flights_are_known_has_them_found_by_an_index(
    book: Engine, world: World, group_by: str, given: dict[str, str]
) -> None:
    for plan in plans(book, world, **PERIOD | given, group_by=group_by):
        assert BY_FLIGHT in plan and "SCAN rollup" not in plan and "Seq Scan" not in plan, plan


def test_postgresql_plans_all_groups_before_it_hears_how_many_are_wanted(book: Engine, world: World) -> None:
    """Else it counts on the first ones being enough, and reads ten million sums one by one by an index."""
    (plan, *others) = plans(book, world, group_by="month,flight", **PERIOD)
    steps = [step.strip() for step in plan.splitlines()]
    if book.dialect.name == "postgresql":
        assert not others and steps[0].startswith("Limit") and steps[1].startswith("CTE groups"), plan
        assert sum(step.startswith(("Limit", "->  Limit")) for step in steps) == 1, plan
    else:
        assert "groups" not in plan


@pytest.mark.parametrize("group_by", ["month,flight", "day", "hour,city", "", "slot"])
def test_a_report_of_everything_reads_no_more_than_its_period(book: Engine, world: World, group_by: str) -> None:
    found = plans(book, world, group_by=group_by, **PERIOD)
    for plan in found:
        assert BY_PERIOD.search(plan), plan
    is_one = "month" not in group_by or book.dialect.name == "postgresql"
    assert len(found) == (1 if is_one else 3)  # July is as long as August


@pytest.mark.parametrize(("owner", "index"), [(None, "ix_rollup_adjustment"), (2, BY_FLIGHT)])
def test_adjustments_are_listed_without_a_look_at_all_sums(
    sqlite_engine: Engine, owner: int | None, index: str
) -> None:
    sent: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        sent.append((f"EXPLAIN QUERY PLAN {text}", values))

    with sqlite_engine.connect() as connection:
        event.listen(connection, "before_cursor_execute", hear)
        page(connection, 0, 10, owner)
        event.remove(connection, "before_cursor_execute", hear)
        steps = [str(step[-1]) for query in sent for step in connection.exec_driver_sql(*query)]
    of_sums = [step for step in steps if " rollup " in step]
    assert of_sums and all(index in step for step in of_sums), steps
