"""Flat prices: what falls due adds up to the price in every cut of time, and what has fallen due never moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from adengine.catalog import sql
from adengine.catalog.tables import flight_terms, flights
from adengine.counting.metrics import Metric
from adengine.errors import Invalid
from adengine.reporting.dimensions import DIMENSIONS, World
from adengine.reporting.flat.accrual import Terms, account_of, due
from adengine.reporting.flat.sql import flat_parts
from adengine.reporting.jobs import sql as jobs
from adengine.reporting.jobs.make import Maker
from adengine.reporting.load import Desk
from adengine.reporting.query import Asked, parse
from adengine.reporting.question import SPLIT_BY, Question, question_of
from adengine.reporting.segments import Events
from adengine.store.sql import writing
from tests.reporting.books import NOW_S, a_cell, write_catalogue, write_rollups
from tests.reporting.conftest import KEYS

DAY_S = 86_400
PATH = "/v1/reports/delivery"
START_S, END_S = NOW_S - 10 * DAY_S, NOW_S + 20 * DAY_S
PRICE = 1_000_000_007
"""A prime, which nothing divides."""
PERIOD = {"from": "2025-08-01", "to": "2025-11-01"}
SPLITTING = [row.name for row in DIMENSIONS if SPLIT_BY.issuperset(row.columns)]
OTHERS = [row.name for row in DIMENSIONS if row.name not in SPLITTING]


def terms(micros: int | None = PRICE, until_s: int | None = None, **fields: Any) -> Terms:
    return Terms(**{"starts_at_s": START_S, "ends_at_s": END_S, "micros": micros, "until_s": until_s} | fields)


times = st.integers(0, 2_000_000_000)
prices = st.none() | st.integers(0, 2**62)
agreements = st.builds(terms, prices, starts_at_s=times, ends_at_s=st.none() | times)


@given(st.integers(0, 2**62), times, st.integers(1, 10**8), st.lists(times, max_size=30))
def test_every_cut_of_time_adds_up_to_the_price(micros: int, begin_s: int, length_s: int, cuts: list[int]) -> None:
    account = account_of([terms(micros, starts_at_s=begin_s, ends_at_s=begin_s + length_s)], 0)
    edges = sorted([*cuts, 0, begin_s + length_s, 2**33])
    parts = due(account, edges)
    assert sum(n for _, n in parts) == micros and all(n > 0 for _, n in parts)
    for number, n in parts:
        spent_s = min(edges[number + 1], begin_s + length_s) - max(edges[number], begin_s)
        assert abs(n - micros * spent_s / length_s) <= 1 + micros * 1e-12


@given(st.lists(st.tuples(agreements, times), min_size=1, max_size=5), agreements, times)
def test_an_edit_moves_nothing_that_has_fallen_due(edits: list[tuple[Terms, int]], new: Terms, since_s: int) -> None:
    """Whatever was agreed on next, the account is the same up to then; and it ends with what is agreed on."""
    edits = sorted(edits, key=lambda pair: pair[1])
    agreed = [terms(each.micros, until_s, starts_at_s=each.starts_at_s, ends_at_s=each.ends_at_s)
              for each, until_s in edits]  # fmt: skip
    before, after = account_of([*agreed[:-1], edits[-1][0]], since_s), account_of([*agreed, new], since_s)
    until_s = edits[-1][1]
    for at_s in {since_s, until_s, *(n * until_s // 7 for n in range(8))}:
        if at_s <= until_s:
            assert after.owed(at_s) == before.owed(at_s)
    assert after.owed(since_s) == 0
    if new.micros is not None:
        assert after.owed(2**40) == new.micros
    else:
        assert after.owed(2**40) == after.owed(until_s)


def test_a_flight_without_an_end_owes_all_when_it_starts() -> None:
    account = account_of([terms(ends_at_s=None)], 0)
    assert due(account, [START_S - 900, START_S, START_S + 900, START_S + 1800]) == [(1, PRICE)]


def test_a_flight_that_was_booked_late_owes_nothing_for_before() -> None:
    """Hours that were sealed by then stay as they are."""
    account = account_of([terms()], NOW_S)
    assert (account.owed(NOW_S), account.owed(END_S)) == (0, PRICE)
    assert account_of([terms()], END_S + 5).owed(END_S + 6) == PRICE


def test_an_archived_flight_owes_what_had_fallen_due() -> None:
    account = account_of([terms(until_s=NOW_S)], 0)
    assert account.owed(NOW_S) == account.owed(END_S) == PRICE // 3
    assert account_of([terms(until_s=START_S)], 0).owed(END_S) == 0


@pytest.fixture
def sold(client: FlaskClient, sqlite_engine: Engine) -> Engine:
    """Flight 1 is sold for a flat price, a third of its run has passed; flight 2 of its campaign is sold by cpm."""
    write_rollups(sqlite_engine, a_cell(flight=1, n=5, quarter_s=NOW_S - DAY_S), a_cell(flight=2, n=7, micros=7_000),
                  a_cell(flight=4, micros=3), a_cell(Metric.CLICK, flight=0))  # fmt: skip
    with writing(sqlite_engine) as connection:
        values = {"price": {"model": "flat", "micros": PRICE}, "starts_at_s": START_S, "ends_at_s": END_S}
        connection.execute(update(flights).where(flights.c.id == 1).values(values))
    return sqlite_engine


def told(client: FlaskClient, key: str = "report", **query: Any) -> Any:
    answer = client.get(PATH, query_string={"metrics": "spend_micros,impressions"} | PERIOD | query,
                        headers={"Authorization": f"Bearer {key}"})  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.json


def moved(engine: Engine, now_s: int) -> None:
    """The counts are as far as this."""
    cells = (a_cell(flight=1, n=5, quarter_s=NOW_S - DAY_S), a_cell(flight=2, n=7, micros=7_000))
    write_rollups(engine, *cells, drained_at_s=now_s)


def edited(engine: Engine, now_s: int, **given: Any) -> None:
    with writing(engine) as connection:
        sql.begin_edit(connection)
        row = connection.execute(select(flights).where(flights.c.id == 1)).mappings().one()
        sql.change(connection, "flight", dict(row), given, now_s)


def test_reports_have_what_has_fallen_due_up_to_as_of(client: FlaskClient, sold: Engine) -> None:
    report = told(client, group_by="flight", filter="currency:USD")
    assert [(row["flight"], row["spend_micros"]) for row in report["rows"]] == [("flt_1", PRICE // 3), ("flt_2", 7_000)]
    assert report["totals"] == {"spend_micros": PRICE // 3 + 7_000, "impressions": 12}
    assert "flat_prices" not in report["definitions"]
    moved(sold, END_S + 1)
    assert told(client, filter="flight:flt_1")["totals"]["spend_micros"] == PRICE


@pytest.mark.parametrize("tz", ["UTC", "America/Chicago", "Asia/Kathmandu"])
@pytest.mark.parametrize("group_by", [*SPLITTING, "hour,day,week,month", "day,flight", "month,campaign,currency"])
def test_totals_equal_their_parts_in_every_grouping_that_a_flat_price_can_be_split_by(
    client: FlaskClient, sold: Engine, group_by: str, tz: str
) -> None:
    moved(sold, NOW_S + 40 * DAY_S)
    report = told(client, group_by=group_by, tz=tz, filter="advertiser:adv_1")
    assert report["totals"]["spend_micros"] == PRICE + 7_000 == sum(row["spend_micros"] for row in report["rows"])
    assert len(report["rows"]) >= 30 or "day" not in group_by


def test_days_of_23_and_25_hours_cost_as_much_as_they_are_long(client: FlaskClient, sold: Engine) -> None:
    with writing(sold) as connection:
        ends_at_s = int(datetime(2025, 11, 10, tzinfo=UTC).timestamp())
        connection.execute(update(flights).where(flights.c.id == 1).values(ends_at_s=ends_at_s))
    moved(sold, ends_at_s)
    query = {"from": "2025-11-01", "to": "2025-11-04", "tz": "America/Chicago", "filter": "flight:flt_1"}
    first, change, third = (row["spend_micros"] for row in told(client, group_by="day", **query)["rows"])
    assert abs(first - third) <= 1 and abs(change * 24 - first * 25) <= 49


@pytest.mark.parametrize("name", OTHERS)
def test_what_a_flat_price_cannot_be_split_by_leaves_it_out_and_says_so(
    client: FlaskClient, sold: Engine, name: str
) -> None:
    report = told(client, group_by=f"campaign,{name}")
    assert report["totals"]["spend_micros"] is None or report["totals"]["spend_micros"] == 7_003
    assert sum(row["spend_micros"] for row in report["rows"]) == 7_003
    said = f"Left out of spend_micros: a flat price cannot be split by {name}."
    assert report["definitions"]["flat_prices"] == said
    assert "flat_prices" not in told(client, group_by=name, metrics="clicks")["definitions"]


def test_a_filter_and_a_key_of_a_site_leave_it_out_alike(client: FlaskClient, sold: Engine) -> None:
    report = told(client, filter=["tier:standard", "campaign:cmp_1"])
    assert (report["totals"]["spend_micros"], "by tier." in report["definitions"]["flat_prices"]) == (7_000, True)
    assert told(client, "site")["definitions"]["flat_prices"].endswith("split by site.")
    assert told(client, "site")["totals"]["spend_micros"] == 0


def test_an_advertiser_owes_his_own(client: FlaskClient, sold: Engine) -> None:
    assert told(client, "advertise")["totals"]["spend_micros"] == 3


@pytest.mark.parametrize(
    ("given", "whole"),
    [({"price": {"model": "flat", "micros": PRICE * 2}}, PRICE * 2), ({"ends_at_s": NOW_S + DAY_S}, PRICE),
     ({"starts_at_s": NOW_S + 2 * DAY_S}, PRICE), ({"price": {"model": "flat", "micros": 5}}, 5),
     ({"price": {"model": "cpm", "micros": 9_000}}, PRICE // 3), ({"ends_at_s": None}, PRICE)],
)  # fmt: skip
def test_an_edit_leaves_the_days_before_it_as_they_were(
    client: FlaskClient, sold: Engine, given: dict[str, Any], whole: int
) -> None:
    """Also what is edited twice, and back."""
    query = {"filter": "flight:flt_1", "to": "2025-09-07", "group_by": "hour"}
    before = told(client, **query)
    edited(sold, NOW_S, **given)
    assert told(client, **query)["rows"] == before["rows"]
    moved(sold, END_S + DAY_S)
    assert told(client, **query)["rows"] == before["rows"]
    assert told(client, filter="flight:flt_1")["totals"]["spend_micros"] == whole
    edited(sold, NOW_S, weight=2.0)
    edited(sold, NOW_S + 3600, starts_at_s=START_S, ends_at_s=END_S, price={"model": "flat", "micros": PRICE})
    assert told(client, **query)["rows"] == before["rows"]
    assert told(client, filter="flight:flt_1")["totals"]["spend_micros"] == PRICE


def test_only_edits_of_what_falls_due_are_put_aside_each_second_once(client: FlaskClient, sold: Engine) -> None:
    edited(sold, NOW_S, weight=3.0)
    edited(sold, NOW_S + 1, ends_at_s=END_S + 900)
    edited(sold, NOW_S + 1, ends_at_s=END_S + 1800)
    with sold.connect() as connection:
        assert [(row.until_s, row.ends_at_s) for row in connection.execute(select(flight_terms))] == [
            (NOW_S + 1, END_S)
        ]


def asked_for(world: World, **given: str) -> tuple[Asked, Question]:
    asked = parse({name: [value] for name, value in (PERIOD | given).items()}, world, NOW_S)
    return asked, question_of(asked, advertiser=None, site=None)


def test_too_many_flights_by_spans_are_refused(sold: Engine, world: World) -> None:
    _, question = asked_for(world, group_by="hour", metrics="spend_micros")
    with sold.connect() as connection:
        assert len(flat_parts(connection, question, NOW_S)) == 240
        with pytest.raises(Invalid) as raised:
            flat_parts(connection, question, NOW_S, due_max=239)
    assert "shorter period" in raised.value.mistakes[0].detail


def test_both_databases_and_both_sources_and_jobs_agree(engine: Engine, world: World, tmp_path: Path) -> None:
    write_catalogue(engine)
    write_rollups(engine, drained_at_s=END_S)
    with writing(engine) as connection:
        values = {"price": {"model": "flat", "micros": 2**62}, "starts_at_s": START_S, "ends_at_s": END_S}
        connection.execute(update(flights).where(flights.c.id == 1).values(values))
    edited(engine, NOW_S, ends_at_s=END_S - DAY_S)
    desk = Desk(engine, world.gazetteer, world.taxonomy, events=Events(tmp_path / "events"))
    asked, _ = asked_for(world, group_by="day,campaign", metrics="spend_micros", tz="America/Chicago")
    report, _ = desk.report(asked, advertiser=None, site=None)
    assert report.totals["spend_micros"] == 2**62 and len(report.rows) == 30
    anew, _ = desk.report(replace(asked, source="events"), advertiser=None, site=None)
    assert (anew.rows, anew.totals) == (report.rows, report.totals)
    query = PERIOD | {"group_by": "day,campaign", "metrics": "spend_micros", "tz": "America/Chicago"}
    with writing(engine) as connection:
        job = jobs.add(connection, query, KEYS["report"], NOW_S)
    assert Maker(desk, keep_s=DAY_S, clock=lambda: NOW_S).make_all() == 1
    with writing(engine) as connection:
        assert list(jobs.all_rows(connection, job)) == report.rows
