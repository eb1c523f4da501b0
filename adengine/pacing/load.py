"""What pacing reads of the counts: how far flights are, and when pages ask for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, case, func, select

from adengine.caps.windows import day_began_s
from adengine.catalog.nouns import Facts, Slot
from adengine.counting.metrics import Metric
from adengine.counting.tables import consumer_lease, flight_day, flight_leased, rollup
from adengine.counting.tokens import LEASE_WINDOW_S
from adengine.pacing.forecast import HOUR_S, HOURS, MONDAY_S, Traffic
from adengine.places import Gazetteer
from adengine.store.sql import reading
from adengine.topics import Taxonomy

LEARNT_S = 28 * 86_400
"""How far back traffic is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What was counted of one flight."""

    fills: int = 0
    impressions: int = 0
    clicks: int = 0
    today: int = 0
    """Impressions since the last midnight of the settings' time zone."""
    spent: int = 0
    """Of the impressions, those that spent a lease which `leases` may still have on its books (`totals`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    tau_s: int
    """Everything recorded up to then is in them; 0 before the consumer has read anything."""
    by_flight: Mapping[int, Total]

    def of(self, flight: int) -> Total:
        return self.by_flight.get(flight, Total())


@dataclass(frozen=True, slots=True)
class Spot:
    """Where and about what pages ask: one cell of the traffic."""

    site: int
    slot: int
    place: int
    """0: unknown; so is `topic`."""
    topic: int


def totals(engine: Engine, zone: ZoneInfo, now_s: int, horizon_s: int = 0) -> Totals:
    """One consistent view.  horizon_s: as the lease script takes it. Raises `DatabaseUnavailable`."""
    today = case((flight_day.c.day_s >= day_began_s(now_s, zone), flight_day.c.impressions), else_=0)
    sums = [func.sum(column) for column in (flight_day.c.fills, flight_day.c.impressions, flight_day.c.clicks, today)]
    with reading(engine) as connection:
        tau_s = connection.scalar(select(consumer_lease.c.drained_at_s)) or 0
        rows = connection.execute(select(flight_day.c.flight, *sums).group_by(flight_day.c.flight)).all()
        spent = _spent(connection, tau_s - horizon_s) if horizon_s else {}
    return Totals(
        tau_s=tau_s,
        by_flight={
            flight: Total(
                fills=int(fills),
                impressions=int(impressions),
                clicks=int(clicks),
                today=int(today_n),
                spent=spent.get(flight, 0),
            )
            for flight, fills, impressions, clicks, today_n in rows
        },
    )


def _spent(connection: Connection, since_s: int) -> Mapping[int, int]:
    """Impressions by flight whose lease was taken in a window that ends after `since_s`."""
    ends = (flight_leased.c.window + 1) * LEASE_WINDOW_S
    query = select(flight_leased.c.flight, func.sum(flight_leased.c.impressions)).where(ends > since_s)
    return {flight: int(n) for flight, n in connection.execute(query.group_by(flight_leased.c.flight))}


def traffic(engine: Engine, slots: Iterable[Slot], gazetteer: Gazetteer, taxonomy: Taxonomy, now_s: int) -> Traffic:
    """What pages asked for in the last four weeks.  slots: of the catalogue. Raises `DatabaseUnavailable`."""
    named = {slot.id: slot for slot in slots}
    began_s, counts = _counts(engine, now_s - LEARNT_S)
    spots = [
        (_facts(spot, named[spot.slot], gazetteer, taxonomy), by_hour)
        for spot, by_hour in counts.items()
        if spot.slot in named
    ]
    return Traffic(spots=spots, since_s=began_s if began_s is not None else now_s, until_s=now_s)


def _counts(engine: Engine, since_s: int) -> tuple[int | None, Mapping[Spot, Mapping[int, int]]]:
    """(when the first was counted, slots asked for by spot and hour of the week), both from `since_s` on."""
    hour = (((rollup.c.quarter_s - MONDAY_S) // HOUR_S) % HOURS).label("hour")
    cell = (rollup.c.site, rollup.c.slot, rollup.c.place, rollup.c.topic)
    asked_for = (rollup.c.metric.in_((Metric.FILL, Metric.EMPTY)), rollup.c.quarter_s >= since_s)
    query = select(*cell, hour, func.sum(rollup.c.n)).where(*asked_for).group_by(*cell, hour)
    found: dict[Spot, dict[int, int]] = {}
    with reading(engine) as connection:
        began_s = connection.scalar(select(func.min(rollup.c.quarter_s)).where(*asked_for))
        for site, slot, place, topic, hour_of_week, n in connection.execute(query):
            found.setdefault(Spot(site, slot, place, topic), {})[int(hour_of_week)] = int(n)
    return began_s, found


def _facts(spot: Spot, slot: Slot, gazetteer: Gazetteer, taxonomy: Taxonomy) -> Facts:
    """What targeting asks of a spot."""
    topic = taxonomy.numbered(spot.topic)
    return Facts(
        places=gazetteer.ancestors(spot.place) if spot.place else (),
        topics=(topic.id,) if topic is not None else (),
        topics_above=tuple(taxonomy.ancestors(topic.id)[1:]) if topic is not None else (),
        related=taxonomy.related,
        slot=slot.name,
        position=slot.position,
    )


def curve(engine: Engine, flight: int) -> list[tuple[int, int, int]]:
    """(begin of an hour, impressions, clicks) of one flight, ascending. Raises `DatabaseUnavailable`."""
    hour = (rollup.c.quarter_s - rollup.c.quarter_s % HOUR_S).label("hour")
    counted = [
        func.sum(case((rollup.c.metric == metric, rollup.c.n), else_=0)) for metric in (Metric.IMPRESSION, Metric.CLICK)
    ]
    query = (
        select(hour, *counted)
        .where(rollup.c.flight == flight, rollup.c.metric.in_((Metric.IMPRESSION, Metric.CLICK)))
        .group_by(hour)
        .order_by(hour)
    )
    with reading(engine) as connection:
        return [(int(at_s), int(impressions), int(clicks)) for at_s, impressions, clicks in connection.execute(query)]
