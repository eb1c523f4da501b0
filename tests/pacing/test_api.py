"""`GET /v1/flights/<id>/pacing` over HTTP, on both databases, to those who may see the flight."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from adengine import places, topics
from adengine.catalog.load import slots_of
from adengine.counting.metrics import QUARTER_S, Metric
from adengine.counting.tables import consumer_lease, flight_day, rollup
from adengine.pacing import api, load
from adengine.store.sql import writing
from tests.builders import DAY_S
from tests.catalog.desk import NOW_S, Desk


def counted(engine: Engine, flight: int, slot: int, impressions: int) -> None:
    """As the consumer would have: pages of the last day, an hour ago and twelve hours ago."""
    cell = {"site": 1, "flight": flight, "slot": slot, "creative": 1, "version": 1, "variant": 0, "tier": 1, "place": 0,
            "topic": 0, "reason": "", "micros": 0}  # fmt: skip
    with writing(engine) as connection:
        connection.execute(
            consumer_lease.insert(), {"id": 1, "holder": "", "fence": 1, "expires_at_s": 0, "drained_at_s": NOW_S - 1}
        )
        for ago_s in (3600, 12 * 3600):
            quarter_s = NOW_S - ago_s - NOW_S % QUARTER_S
            for metric in (Metric.FILL, Metric.IMPRESSION):
                connection.execute(
                    rollup.insert(), cell | {"quarter_s": quarter_s, "metric": metric, "n": impressions // 2}
                )
        connection.execute(
            flight_day.insert(),
            {"flight": flight, "day_s": NOW_S - DAY_S, "fills": impressions, "impressions": impressions, "clicks": 0},
        )


@pytest.fixture
def paced(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    gazetteer = places.load(tmp_path_factory.getbasetemp().parent / "places")
    desk = Desk(engine, gazetteer)
    desk.api.register_blueprint(api.blueprint(engine, gazetteer, topics.load(), "UTC", clock=lambda: NOW_S))
    return desk


def booked(desk: Desk, **fields: Any) -> dict[str, Any]:
    span = {"starts_at": "2025-09-06T00:00:00Z", "ends_at": "2025-09-08T00:00:00Z"}
    return desk.a_flight(**span | {"goal": {"impressions": 1000}} | fields)


def test_a_flight_tells_how_far_it_is(paced: Desk) -> None:
    slot, flight = paced.a_slot(), booked(paced, daily_limit=900)
    counted(paced.engine, int(flight["id"][4:]), int(slot["id"][5:]), 400)
    told = paced("GET", f"/v1/flights/{flight['id']}/pacing")
    assert told.status == 200
    body = told.body
    assert (body["unit"], body["goal"], body["delivered"]) == ("impressions", 1000, 400)
    assert (body["today"], body["daily_limit"]) == (0, 900)
    assert body["state"] in ("behind", "on_schedule") and body["band"]["low"] < body["due"] < body["band"]["high"]
    assert body["requests_left"] > 0 and 400 < body["projected"]["delivered"] <= 1000
    first = body["points"][0]
    assert (first["at"], first["due"], first["low"], first["delivered"]) == ("2025-09-06T00:00:00Z", 0, 0, 0)
    assert body["as_of"] == "2025-09-06T23:59:59Z"
    assert told.headers["Cache-Control"] == "no-store"


def test_money_is_told_in_what_it_buys(paced: Desk) -> None:
    flight = booked(paced, goal={"spend_micros": 5_000_000}, price={"model": "cpm", "micros": 2_000_000})
    body = paced("GET", f"/v1/flights/{flight['id']}/pacing").body
    assert (body["unit"], body["goal"]) == ("impressions", 2500)


def test_a_flight_without_a_goal_and_one_with_a_share_have_no_schedule(paced: Desk) -> None:
    for flight in (booked(paced, goal=None), booked(paced, goal={"share": 0.25}, tier="sponsorship")):
        body = paced("GET", f"/v1/flights/{flight['id']}/pacing").body
        assert (body["state"], body["goal"], body["due"], body["band"]) == ("running", None, None, None)
        assert body["share"] == (flight["goal"] or {}).get("share")


def test_who_may_not_see_a_flight_does_not_see_its_pacing(paced: Desk) -> None:
    flight = booked(paced)
    other = paced.key("advertise", advertiser=paced.an_advertiser(name="Other")["id"])
    assert paced("GET", f"/v1/flights/{flight['id']}/pacing", key=other).status == 404
    assert paced("GET", "/v1/flights/flt_999/pacing").status == 404
    assert paced("GET", f"/v1/flights/{flight['id']}/pacing", key="fill").status == 403


def test_traffic_is_read_by_spot_and_hour_of_the_week(paced: Desk) -> None:
    slot, flight = paced.a_slot(), booked(paced)
    counted(paced.engine, int(flight["id"][4:]), int(slot["id"][5:]), 400)
    with paced.engine.connect() as connection:
        slots = slots_of(connection)
    traffic = load.traffic(paced.engine, slots, paced.known.gazetteer, topics.load(), NOW_S)
    ((facts, by_hour),) = traffic.spots
    assert facts.slot == "article-header" and by_hour == {5 * 24 + 12: 200, 5 * 24 + 23: 200}
    assert traffic.until_s - traffic.since_s == 12 * 3600
