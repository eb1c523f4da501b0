"""All that a simulation needs, made and cleared away: stores of its own, the book written as the API would write it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, insert, select

from adengine import demo
from adengine.catalog import sql as catalog_sql
from adengine.catalog import tables
from adengine.catalog.known import Known
from adengine.catalog.load import rows_of
from adengine.catalog.nouns import Flight
from adengine.catalog.rows import catalogue_of
from adengine.counting import audit
from adengine.pacing import load
from adengine.pacing.forecast import profiles_of
from adengine.pacing.progress import progress as progress_of
from adengine.simulate import report
from adengine.simulate.book import Booking, booked
from adengine.simulate.clicks import Clicks, known
from adengine.simulate.drive import PATIENT_MS, Clock, Drive
from adengine.simulate.run import SEEN_PART, SEEN_WITHIN_S, Arrival, Plan, Progress, arrivals, no_progress, run
from adengine.simulate.world import SLOTS, STARTS_S, TIMEZONE, World
from adengine.store import client, schema, sql
from adengine.store.client import Store
from adengine.store.embedded import EmbeddedValkey
from adengine.store.sql import reading, writing

COPIED = (
    tables.sites, tables.slots, tables.advertisers, tables.campaigns, tables.flights, tables.creatives,
    tables.creative_versions, tables.catalogue_version,
)  # fmt: skip
"""In an order that keeps references whole."""


def of_world(
    world: World,
    flights: int,
    sold: float,
    shipped: Known,
    step_s: int,
    progress: Progress = no_progress,
    *,
    known_clicks: bool = False,
) -> dict[str, Any]:
    """A seeded world with a seeded book, simulated; the document of `report`.

    known_clicks: whether the pacer knows from the start how often whose lines are clicked, and need not learn it.
    """
    plan = Plan(seed=world.seed, starts_s=STARTS_S, ends_s=world.ends_s, step_s=step_s)
    asked = {"seed": world.seed, "days": world.days, "pages_a_day": world.pages_a_day, "flights": flights, "sold": sold}
    with _stores() as (engine, store):
        made = _write(engine, shipped, booked(world, flights, sold, SEEN_PART))
        evidence = known(Clicks(world.seed), made, shipped) if known_clicks else None
        drive = Drive(engine, store, shipped, TIMEZONE, Clock(plan.starts_s), evidence)
        return _told(drive, arrivals(world), asked | {"known_clicks": known_clicks}, plan, progress)


def of_requests(
    catalogue: Engine,
    pages: Sequence[Arrival],
    seed: int,
    shipped: Known,
    timezone: str,
    step_s: int,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Requests that were really made, answered by the catalogue as it is now.  pages: at least one, by rising time."""
    plan = Plan(seed=seed, starts_s=pages[0].at_s, ends_s=pages[-1].at_s + SEEN_WITHIN_S, step_s=step_s)
    with _stores() as (engine, store):
        _copy(catalogue, engine)
        asked = {"seed": seed, "requests": len(pages)}
        return _told(Drive(engine, store, shipped, timezone, Clock(plan.starts_s)), pages, asked, plan, progress)


@contextlib.contextmanager
def _stores() -> Iterator[tuple[Engine, Store]]:
    with tempfile.TemporaryDirectory(prefix="adengine-simulate-") as folder:
        valkey = EmbeddedValkey(Path(folder))
        store = client.connect(valkey.start(), timeout_ms=PATIENT_MS)
        engine = sql.engine(f"sqlite:///{Path(folder) / 'simulated.sqlite3'}", create=True)
        try:
            schema.upgrade(engine)
            yield engine, store
        finally:
            engine.dispose()
            store.close()
            valkey.stop()


def _write(engine: Engine, shipped: Known, bookings: Iterable[Booking]) -> dict[int, int]:
    """Of each creative its flight."""
    made: dict[int, int] = {}
    with writing(engine) as connection:
        catalog_sql.begin_edit(connection)
        site = {"name": "Simulated news", "domains": ["news.example"], "timezone": TIMEZONE}
        site_id = demo.add(connection, "site", site, shipped, STARTS_S)
        for name in SLOTS:
            slot = {"site": site_id, "name": name, "position": name.rsplit("-", 1)[1]}
            demo.add(connection, "slot", slot, shipped, STARTS_S)
        for booking in bookings:
            advertiser = demo.add(connection, "advertiser", {"name": booking.name}, shipped, STARTS_S)
            named = {"advertiser": advertiser, "name": booking.name, "currency": "USD"}
            campaign = demo.add(connection, "campaign", named, shipped, STARTS_S)
            flight = demo.add(connection, "flight", {"campaign": campaign, **booking.flight}, shipped, STARTS_S)
            creative = {
                "campaign": campaign,
                "landing_url": "https://sponsor.example/",
                "variants": [{"role": "brand", "text": booking.name}],
            }
            id_ = demo.add(connection, "creative", creative, shipped, STARTS_S)
            demo.approve(connection, id_, STARTS_S)
            made[_number(id_)] = _number(flight)
    return made


def _number(public_id: str) -> int:
    return int(public_id.rsplit("_", 1)[1])


def _copy(source: Engine, target: Engine) -> None:
    """The catalogue, without its keys."""
    with reading(source) as connection:
        rows = {table.name: list(map(dict, connection.execute(select(table)).mappings())) for table in COPIED}
    with writing(target) as connection:
        for table in COPIED:
            connection.execute(table.delete())
            if rows[table.name]:
                connection.execute(insert(table), rows[table.name])


def _told(
    drive: Drive,
    pages: Iterable[Arrival],
    asked: Mapping[str, Any],
    plan: Plan,
    progress: Progress,
) -> dict[str, Any]:
    tally = run(drive, pages, plan, progress)
    findings = audit.run(drive.engine, drive.store, clock=lambda: plan.ends_s)
    outcomes = _outcomes(drive, plan.ends_s)
    return report.document(asked, tally, outcomes, {finding.name: finding.holds for finding in findings})


def _outcomes(drive: Drive, now_s: int) -> list[report.Outcome]:
    engine, shipped, timezone = drive.engine, drive.shipped, drive.timezone
    catalogue = catalogue_of(rows_of(engine, now_s))
    totals = load.totals(engine, ZoneInfo(timezone), now_s)
    traffic = load.traffic(engine, catalogue.slots, shipped.gazetteer, shipped.taxonomy, now_s)
    profiles = profiles_of(catalogue.flights, traffic, timezone)

    def outcome(row: int, flight: Flight) -> report.Outcome:
        total, curve = totals.of(flight.id), load.curve(engine, flight.id)
        return report.Outcome(
            name=catalogue.advertisers[flight.advertiser],
            flight=flight,
            total=total,
            progress=progress_of(flight, total, curve, profiles[row], now_s),
        )

    return [outcome(row, flight) for row, flight in enumerate(catalogue.flights)]
