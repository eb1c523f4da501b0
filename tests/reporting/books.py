"""A small catalogue and rollups to report on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, insert

from adengine.catalog import tables as catalogue
from adengine.counting.metrics import NONE, Metric
from adengine.counting.tables import consumer_lease, rollup
from adengine.store.sql import writing

NOW_S = 1_757_203_200
"""7 September 2025, 00:00 UTC, a Sunday."""
STANDING = {"created_at_s": 1, "updated_at_s": 1, "revision": 1}
SLOTS = {1: (1, "header"), 2: (1, "rail"), 3: (2, "header")}
"""Slot -> its site and position."""
CAMPAIGNS = {1: (1, "USD"), 2: (1, "USD"), 3: (2, "EUR")}
"""Campaign -> its advertiser and currency."""
FLIGHTS = {1: 1, 2: 1, 3: 2, 4: 3}
"""Flight -> its campaign; creative n is of the same campaign and has the same id."""
ROLES = ("brand", "short", "long")
MINNESOTA_TOWNS = ("Remer,MN", "Duluth,MN", "Saint Paul,MN")


def write_catalogue(engine: Engine) -> None:
    with writing(engine) as connection:
        for table, rows in _catalogue_rows():
            connection.execute(insert(table), rows)


def a_cell(metric: Metric = Metric.IMPRESSION, **fields: Any) -> dict[str, Any]:
    """A row of the rollups; by default one impression of flight 1 in slot 1 at `NOW_S`."""
    return {
        "quarter_s": NOW_S, "metric": metric, "site": 1, "slot": 1, "flight": 1, "creative": 1, "version": 1,
        "variant": NONE, "tier": 1, "place": 0, "topic": 0, "device": 0, "refresh": 0,
        "reason": "", "n": 1, "micros": 0,
    } | fields  # fmt: skip


def write_rollups(engine: Engine, *cells: dict[str, Any], drained_at_s: int = NOW_S) -> None:
    """Replaces what is there."""
    with writing(engine) as connection:
        connection.execute(rollup.delete())
        connection.execute(consumer_lease.delete())
        connection.execute(
            insert(consumer_lease).values(id=1, holder="", fence=1, expires_at_s=0, drained_at_s=drained_at_s)
        )
        if cells:
            connection.execute(insert(rollup), list(cells))


def write_campaigns(engine: Engine, first: int, count: int, flights_each: int) -> None:
    """Beside `write_catalogue`: campaigns of advertiser 1 and their flights, both numbered from `first` on."""
    flights = [{"id": first + n, "campaign": first + n // flights_each} for n in range(count * flights_each)]
    with writing(engine) as connection:
        connection.execute(
            insert(catalogue.campaigns),
            [{"id": first + n, "name": f"Campaign {n}", "advertiser": 1, "currency": "USD"} | STANDING
             for n in range(count)],
        )  # fmt: skip
        connection.execute(insert(catalogue.flights), [flight | FLIGHT | STANDING for flight in flights])


FLIGHT = {
    "tier": 1, "priority": 5, "weight": 1.0, "starts_at_s": 0, "pacing": "even", "targeting": {}, "caps": [],
    "without_reader": "skip", "cap_on_outage": "skip", "price": {"model": "cpm", "micros": 1}, "at_end": "stop",
    "blackouts": [],
}  # fmt: skip


def _catalogue_rows() -> list[tuple[Any, list[dict[str, Any]]]]:
    slot = {
        "label": "Sponsor", "label_em": {}, "font": "system-ui", "font_px": 16.0, "default_topics": [],
    }  # fmt: skip
    site = {"domains": [], "timezone": "UTC", "topics": {}}
    version = {"created_at_s": 1, "state": "approved", "landing_url": "https://x.example", "lang": "en",
               "categories": [], "warnings": []}  # fmt: skip
    lines = [{"role": role, "text": role} for role in ROLES]
    return [
        (catalogue.sites, [{"id": n, "name": f"Site {n}"} | site | STANDING for n in (1, 2)]),
        (catalogue.slots, [
            {"id": n, "site": s, "name": f"slot-{n}", "position": p} | slot | STANDING for n, (s, p) in SLOTS.items()
        ]),
        (catalogue.advertisers, [{"id": n, "name": f"Advertiser {n}"} | STANDING for n in (1, 2)]),
        (catalogue.campaigns, [
            {"id": n, "name": f"=Campaign {n}", "advertiser": a, "currency": c} | STANDING
            for n, (a, c) in CAMPAIGNS.items()
        ]),
        (catalogue.flights, [{"id": n, "campaign": c} | FLIGHT | STANDING for n, c in FLIGHTS.items()]),
        (catalogue.creatives, [
            {"id": n, "campaign": c, "paused": False, "latest_version": 1} | STANDING for n, c in FLIGHTS.items()
        ]),
        (catalogue.creative_versions, [{"creative": n, "version": 1, "variants": lines} | version for n in FLIGHTS]),
    ]  # fmt: skip
