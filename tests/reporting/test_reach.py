"""Reach and frequency: exact, for whoever may see it, never a sum of reaches, and nobody who was forgotten."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select

from adengine.counting.metrics import Kind
from adengine.counting.tables import flight_day, reached, rollup, seen, stream_offset
from adengine.decisions.forgotten import Forgotten
from adengine.reporting.reach.sql import forget, reach_of
from adengine.serve.keep import ForgetReach
from adengine.store.client import Store
from adengine.store.sql import reading, writing
from tests import stores
from tests.counting.books import a_consumer, append, beacon_event, body_of, damage, drain
from tests.counting.builders import NOW_S

PATH = "/v1/reports/reach"
A, B, C = (bytes([n]) * 8 for n in (1, 2, 3))


def rows(*triples: tuple[int, bytes, int]) -> Any:
    return insert(reached).values(
        [{"flight": flight, "reader": reader, "impressions": n} for flight, reader, n in triples]
    )


@pytest.fixture
def shown(sqlite_engine: Engine, client: FlaskClient) -> FlaskClient:
    """Flights 1 and 2 of campaign 1, 3 of campaign 2, 4 of another advertiser."""
    days = [{"flight": f, "day_s": 0, "fills": 9, "impressions": 10, "clicks": 0} for f in (1, 2, 3, 4)]
    damage(
        sqlite_engine,
        rows((1, A, 1), (1, B, 3), (2, A, 2), (2, C, 1), (3, A, 5), (4, B, 2)),
        insert(flight_day).values(days),
    )
    return client


def asked(client: FlaskClient, query: str, key: str = "report") -> Any:
    return client.get(f"{PATH}?{query}", headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    ("query", "reach", "impressions", "frequency"),
    [
        ("flight=flt_1", 2, 10, {1: 1, 3: 1}),
        ("campaign=cmp_1", 3, 20, {1: 1, 3: 2}),
        ("flight=flt_1&flight=flt_3", 2, 20, {3: 1, 6: 1}),
        ("campaign=cmp_3", 1, 10, {2: 1}),
    ],
)
def test_whoever_saw_several_is_one_reader(
    shown: FlaskClient, query: str, reach: int, impressions: int, frequency: dict[int, int]
) -> None:
    told = asked(shown, query).json
    known = sum(times * readers for times, readers in frequency.items())
    assert {name: told[name] for name in ("reach", "impressions", "impressions_of_known", "average_frequency")} == {
        "reach": reach, "impressions": impressions, "impressions_of_known": known, "average_frequency": known / reach,
    }  # fmt: skip
    assert {each["times"]: each["readers"] for each in told["frequency"]} == frequency
    assert set(told["definitions"]) == set(told) - {"definitions", "as_of", "sealed_until"}


def test_a_flight_that_reached_nobody_has_no_average(sqlite_engine: Engine, client: FlaskClient) -> None:
    told = asked(client, "flight=flt_1").json
    assert (told["reach"], told["frequency"], told["average_frequency"], told["as_of"]) == (0, [], None, None)


@pytest.mark.parametrize(
    ("query", "key", "status"),
    [
        ("flight=flt_4", "advertise", 200), ("flight=flt_1", "advertise", 404), ("campaign=cmp_1", "advertise", 404),
        ("flight=flt_4&flight=flt_1", "advertise", 404), ("flight=flt_99", "report", 404),
        ("campaign=cmp_99", "report", 404),
        ("flight=flt_1", "fill", 403), ("", "report", 422), ("flight=flt_1&campaign=cmp_1", "report", 422),
        ("flight=1", "report", 422), ("campaign=cmp_1&campaign=cmp_2", "report", 422),
        ("flight=flt_1&x=1", "report", 422),
    ],
)  # fmt: skip
def test_foreign_is_absent_and_every_mistake_is_named(shown: FlaskClient, query: str, key: str, status: int) -> None:
    answer = asked(shown, query, key)
    assert answer.status_code == status
    if status == 422:
        assert all(error["pointer"].startswith("?") for error in answer.get_json(force=True)["errors"])


def test_the_delivery_report_does_not_add_reaches(client: FlaskClient) -> None:
    refused = client.get("/v1/reports/delivery?metrics=reach", headers={"Authorization": "Bearer report"})
    assert refused.status_code == 422 and "/v1/reports/reach" in refused.get_json(force=True)["errors"][0]["detail"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shows=st.lists(st.tuples(st.sampled_from([1, 2]), st.sampled_from([A, B, C, None])), min_size=1, max_size=25))
def test_reach_is_what_was_counted_however_often_it_is_read_again(
    valkey: Store, engine: Engine, shows: list[tuple[int, bytes | None]]
) -> None:
    stores.empty(valkey)
    damage(engine, *(delete(table) for table in (reached, seen, rollup, flight_day, stream_offset)))
    events = [
        beacon_event(body_of(Kind.IMPRESSION, request=n, flight=flight, reader=reader), at_s=NOW_S)
        for n, (flight, reader) in enumerate(shows)
    ]
    append(valkey, *events, *events[:3])
    append(valkey, *events[:2], bucket=1)
    drain(a_consumer(valkey, engine))
    times = Counter(reader for _, reader in shows if reader is not None)
    with reading(engine) as connection:
        found = reach_of(connection, [1, 2])
    assert found.impressions == len(shows) and found.readers == len(times)
    assert dict(found.frequency) == Counter(times.values())


def test_a_forgotten_reader_counts_and_nobody_knows_that_it_is_he(valkey: Store, sqlite_engine: Engine) -> None:
    damage(sqlite_engine, rows((1, A, 1), (2, A, 2), (2, B, 1)))
    forgotten = Forgotten(valkey, keep_days=7)
    forgotten.add(A, NOW_S)
    chore = ForgetReach(sqlite_engine, forgotten)
    chore()
    damage(sqlite_engine, rows((1, A, 1)))
    chore()
    with reading(sqlite_engine) as connection:
        kept = [(row.flight, row.reader, row.impressions) for row in connection.execute(select(reached))]
        assert reach_of(connection, [1, 2]).readers == 3, "he came again and is another one"
    assert sorted(n for _, reader, n in kept if reader not in (A, B)) == [1, 2]
    assert [row for row in kept if row[1] == A] == [(1, A, 1)], "who comes again was forgotten again"
    forgotten.add(A, NOW_S + 1)
    chore()
    with writing(sqlite_engine) as connection:
        assert connection.execute(select(reached).where(reached.c.reader == A)).all() == []
    assert forget(sqlite_engine, A) == 0
