"""Writes and reads adjustments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, insert, select

from adengine.catalog.tables import campaigns, flights
from adengine.counting import seals
from adengine.counting.metrics import NONE, Metric
from adengine.counting.retention import sums_since_s
from adengine.counting.tables import ADJUSTED, adjustment, rollup
from adengine.errors import Invalid, Mistake
from adengine.reporting.adjustments.schema import COUNTS, SPEND, hour_of
from adengine.web import instants

Row = dict[str, Any]


def add(connection: Connection, values: Mapping[str, Any], by: str, now_s: int) -> int:
    """The id of the new adjustment.

    Raises `Invalid` for a flight that never was, and for an hour that is not sealed or whose sums are gone.
    """
    query = select(flights.c.tier).join(campaigns).where(flights.c.id == values["flight"])
    found = connection.execute(query).one_or_none()
    until_s, hour_s = seals.sealed_until_s(connection), hour_of(values["hour"])
    mistakes = []
    if found is None:
        mistakes.append(Mistake("/flight", "there is no such flight"))
    if until_s is None or hour_s >= until_s:
        mistakes.append(Mistake("/hour", "that hour is not sealed yet; reports say `sealed_until`"))
    if hour_s < (since_s := sums_since_s(connection)):
        kept = f"sums of before {instants.spelled(since_s)} are kept no more (ADENGINE_SUMS_KEEP_DAYS)"
        mistakes.append(Mistake("/hour", f"{kept}, and this would go with them"))
    if mistakes or found is None:
        raise Invalid(mistakes)
    made = seals.add(connection, seals.MADE, by, values["note"], now_s)
    cell = {
        "quarter_s": hour_s, "adjustment": made, "site": 0, "slot": 0, "flight": values["flight"], "creative": 0,
        "version": 0, "variant": NONE, "tier": found.tier, "place": 0, "topic": 0, "device": 0, "refresh": 0,
        "reason": "",
    }  # fmt: skip
    rows = [
        {**cell, "metric": metric, "n": values[name], "micros": values[SPEND] if metric is Metric.IMPRESSION else 0}
        for name, metric in COUNTS.items()
    ]
    connection.execute(insert(rollup), [row for row in rows if row["n"] or row["micros"]])
    return made


def page(connection: Connection, after: int, count: int, owner: int | None = None) -> list[Row]:
    """At most `count` adjustments by rising id from the one behind `after`, with what they change.

    owner: an advertiser, of whose flights alone they tell; None: of all.
    """
    cells = select(rollup).where(ADJUSTED)
    query = select(adjustment).where(adjustment.c.id > after).order_by(adjustment.c.id).limit(count)
    if owner is not None:
        cells = cells.join(flights, flights.c.id == rollup.c.flight).join(
            campaigns, campaigns.c.id == flights.c.campaign
        )
        cells = cells.where(campaigns.c.advertiser == owner)
        query = query.where(adjustment.c.id.in_(cells.with_only_columns(rollup.c.adjustment)))
    return _whole(connection, cells, [dict(row) for row in connection.execute(query).mappings()])


def one(connection: Connection, id_: int) -> Row:
    (row,) = page(connection, id_ - 1, 1)
    return row


def _whole(connection: Connection, cells: Select[Any], rows: Sequence[Row]) -> list[Row]:
    known: dict[int, Row] = {
        row["id"]: {
            **row, "id": f"adj_{row['id']}", "created_at": row["at_s"], "hours": set(), "flights": set(), SPEND: 0,
            **dict.fromkeys(COUNTS, 0),
        }
        for row in rows
    }  # fmt: skip
    names = {metric: name for name, metric in COUNTS.items()}
    for cell in connection.execute(cells.where(rollup.c.adjustment.in_(known))).mappings():
        whole = known[cell["adjustment"]]
        whole["hours"].add(hour_of(cell["quarter_s"]))
        whole["flights"] |= {cell["flight"]} if cell["flight"] else set()
        whole[SPEND] += cell["micros"]
        if cell["metric"] in names:
            whole[names[cell["metric"]]] += cell["n"]
    for whole in known.values():
        whole["hours"], whole["flights"] = sorted(whole["hours"]), sorted(whole["flights"])
    return list(known.values())
