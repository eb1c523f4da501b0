"""Reads what we counted of some things by quarters of an hour, with what a third party may count otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, Integer, case, cast, func, select

from adengine.catalog.tables import campaigns, creatives, flights
from adengine.counting.metrics import Metric
from adengine.counting.tables import ADJUSTED, rollup
from adengine.reporting.reconcile.compare import Ours, Tally

VALID = {Metric.IMPRESSION: "impressions", Metric.CLICK: "clicks"}
INVALID = {Metric.INVALID_IMPRESSION: "impressions", Metric.INVALID_CLICK: "clicks"}
WANTED = (*VALID, *INVALID, Metric.VIEWABLE)


def there(connection: Connection, noun: str, wanted: Sequence[int], owner: int | None) -> list[int]:
    """Of `wanted` those that exist, archived ones too, and that `owner` (an advertiser; None: anybody) may see."""
    table = {"flight": flights, "campaign": campaigns, "creative": creatives}[noun]
    query = select(table.c.id).where(table.c.id.in_(wanted))
    if owner is not None:
        query = query if noun == "campaign" else query.join(campaigns, campaigns.c.id == table.c.campaign)
        query = query.where(campaigns.c.advertiser == owner)
    return list(connection.scalars(query))


def ours(connection: Connection, noun: str, things: Sequence[int], period: tuple[int, int], site: int | None) -> Ours:
    """period: epoch s.  site: only what was counted there; None: everywhere."""
    own = {"flight": rollup.c.flight, "campaign": flights.c.campaign, "creative": rollup.c.creative}[noun]
    late = func.sum(case((ADJUSTED, rollup.c.n), else_=0))
    columns = (own, rollup.c.quarter_s, rollup.c.metric, rollup.c.reason)
    query = (
        select(*columns, cast(func.sum(rollup.c.n), Integer), cast(late, Integer))
        .select_from(rollup.join(flights, flights.c.id == rollup.c.flight))
        .where(own.in_(things), rollup.c.quarter_s >= period[0], rollup.c.quarter_s < period[1])
        .where(rollup.c.metric.in_(WANTED))
        .group_by(*columns)
    )
    if site is not None:
        query = query.where(rollup.c.site == site)
    found: dict[tuple[int, str], dict[int, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for thing, at_s, number, reason, n, late_n in connection.execute(query):
        metric = Metric(number)
        if metric is Metric.VIEWABLE:
            found[thing, "impressions"][at_s].viewable += n
        elif metric in VALID:
            tally = found[thing, VALID[metric]][at_s]
            tally.valid, tally.late = tally.valid + n, tally.late + late_n
        else:
            found[thing, INVALID[metric]][at_s].add(Tally(invalid={reason: n}))
    return found
