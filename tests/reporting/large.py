"""Reports over many rollups against the bare SQL of the same rows: what a report adds to what the database needs.

Writes a seeded year of rollups, then asks each report and its bare query in turn, so that whatever else the machine
does meets both alike. A report is the whole answer to a request, through WSGI, as bytes; the bare query's rows are
fetched and nothing is done with them. Its months are of equal length and its places mere numbers: the least that can be
asked for.

    python -m tests.reporting.large --rows 10000000 [--database postgresql://…] [--rounds 9]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import sqlalchemy as sa
from flask.testing import FlaskClient

from adengine import places, topics
from adengine.counting.metrics import QUARTER_S, Metric
from adengine.counting.tables import rollup
from adengine.store import schema, sql
from tests.reporting.books import write_campaigns
from tests.reporting.conftest import a_client

SEED = 20261128
BEGIN_S, QUARTERS = 1_735_689_600, 35_040
"""The year 2025, UTC."""
FIRST, CAMPAIGNS, FLIGHTS_A_CAMPAIGN = 101, 50, 4
PLACES, TOPICS = 300, 30
METRICS = (Metric.FILL, Metric.IMPRESSION, Metric.VIEWABLE, Metric.MEASURABLE, Metric.CLICK, Metric.INVALID_IMPRESSION)
SHARES = (0.3, 0.25, 0.16, 0.2, 0.05, 0.04)
READ = (Metric.FILL, Metric.EMPTY, Metric.IMPRESSION, Metric.VIEWABLE, Metric.CLICK, Metric.INVALID_IMPRESSION)
"""What the default metrics of a report are made of."""
QUARTERS_AT_ONCE = 700
COLUMNS = tuple(column.name for column in rollup.columns)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    asked: dict[str, str]
    """Of `GET /v1/reports/delivery`."""
    bare: str
    """The least that a database can be asked for the same rows."""


_IN = f"metric IN ({', '.join(str(int(metric)) for metric in READ)}) AND quarter_s >= {BEGIN_S}"
CASES = (
    Case(
        "a flight's month by day",
        {"from": "2025-06-01", "to": "2025-07-01", "tz": "America/Chicago", "group_by": "day",
         "filter": "flight:flt_101"},
        "SELECT (quarter_s - 18000) / 86400, metric, sum(n) FROM rollup WHERE flight = 101 AND "
        "quarter_s >= 1748754000 AND quarter_s < 1751346000 AND " + _IN + " GROUP BY 1, 2",
    ),
    Case(
        "all flights of a year by month",
        {"from": "2025-01-01", "to": "2026-01-01", "group_by": "month,flight"},
        "SELECT quarter_s / 2628000, flight, metric, sum(n) FROM rollup WHERE quarter_s < 1767225600 AND " + _IN
        + " GROUP BY 1, 2, 3",
    ),
    Case(
        "a campaign by place and topic",
        {"from": "2025-01-01", "to": "2026-01-01", "group_by": "place,topic", "filter": "campaign:cmp_107"},
        "SELECT place, topic, metric, sum(n) FROM rollup WHERE flight IN (SELECT id FROM flights WHERE campaign = 107) "
        "AND quarter_s < 1767225600 AND " + _IN + " GROUP BY 1, 2, 3",
    ),
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--database", default="", help="an empty one; by default SQLite in a folder that is removed")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="adengine-large-") as folder:
        url = given.database or f"sqlite:///{Path(folder) / 'large.sqlite3'}"
        client, engine = filled(url, Path(folder), given.rows)
        for case in CASES:
            sys.stdout.write(json.dumps(measured(client, engine, case, given.rounds)) + "\n")
            sys.stdout.flush()
        engine.dispose()
    return 0


def filled(url: str, folder: Path, rows: int) -> tuple[FlaskClient, sa.Engine]:
    """A year of so many rollups at `url`, and the API of reports over it.  folder: for what places unpack."""
    engine = sql.engine(url, create=True)
    schema.upgrade(engine)
    gazetteer = places.load(folder)
    client = a_client(engine, gazetteer)
    write_campaigns(engine, FIRST, CAMPAIGNS, FLIGHTS_A_CAMPAIGN)
    for batch in cells(rows, towns_of(gazetteer), topics_of(topics.load())):
        _write(engine, batch)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return client, engine


def cells(rows: int, towns: list[int], about: list[int]) -> Iterator[list[tuple[int, ...]]]:
    """Rows of `rollup` without their `reason`, some quarters at a time, in the order of their key; each key once.

    rows: how many in all, less the few that would have the same key.
    """
    chance = np.random.default_rng(SEED)
    of_each = np.diff(np.linspace(0, rows, QUARTERS + 1).astype(np.int64))
    for first in range(0, QUARTERS, QUARTERS_AT_ONCE):
        quarters = np.arange(first, min(first + QUARTERS_AT_ONCE, QUARTERS))
        quarter_s = np.repeat(BEGIN_S + QUARTER_S * quarters, of_each[quarters])
        size = len(quarter_s)
        metric = chance.choice(METRICS, size, p=SHARES)
        flight = FIRST + chance.integers(0, CAMPAIGNS * FLIGHTS_A_CAMPAIGN, size)
        place, topic = (chance.choice(each, size) for each in (towns, about))
        key = np.unique(np.stack([quarter_s, metric, flight, place, topic], 1), axis=0)
        n = chance.integers(1, 50, len(key))
        yield [(*row, count) for row, count in zip(key.tolist(), n.tolist(), strict=True)]


def towns_of(gazetteer: places.Gazetteer) -> list[int]:
    """So many towns, from the middle of North America."""
    chance = np.random.default_rng(SEED)
    found: dict[int, None] = {}
    while len(found) < PLACES:
        place = gazetteer.nearest(float(chance.uniform(32, 48)), float(chance.uniform(-120, -80)))
        if place is not None:
            found[place.id] = None
    return list(found)


def topics_of(taxonomy: topics.Taxonomy) -> list[int]:
    """So many topics, as rollups number them."""
    known = (number for number in range(1, 36**3) if taxonomy.numbered(number) is not None)
    return list(islice(known, TOPICS))


def _write(engine: sa.Engine, batch: list[tuple[int, ...]]) -> None:
    """Past SQLAlchemy's rows, which would take most of the time."""
    columns = ", ".join(COLUMNS)
    with sql.writing(engine) as connection:
        driver: Any = connection.connection.driver_connection
        if engine.dialect.name == "sqlite":
            driver.executemany(
                f"INSERT INTO rollup ({columns}) VALUES ({', '.join('?' * len(COLUMNS))})", map(_row, batch)
            )
            return
        with driver.cursor() as cursor, cursor.copy(f"COPY rollup ({columns}) FROM STDIN") as copy:
            for cell in batch:
                copy.write_row(_row(cell))


def _row(cell: tuple[int, ...]) -> tuple[Any, ...]:
    """All columns of a row, in the order of `COLUMNS`."""
    quarter_s, metric, flight, place, topic, n = cell
    return (quarter_s, 0, metric, 1, 1, flight, flight, 1, 1, 1, place, topic, 0, 0, "", n, n * 5000)


def measured(client: FlaskClient, engine: sa.Engine, case: Case, rounds: int) -> dict[str, Any]:
    """Medians in ms, interleaved, and of how one is to the other; the first round only warms up.

    rows, groups: of the report and of the bare query, which has one for each metric.  Raises if their sums differ.
    """
    taken = []
    for _ in range(rounds + 1):
        began_s = time.perf_counter()
        told = asked(client, case)
        between_s = time.perf_counter()
        groups = bare(engine, case)
        taken.append((between_s - began_s, time.perf_counter() - between_s))
        if total_of(told) != sum(group[-1] for group in groups):
            raise RuntimeError(f"{case.name}: the report's sums are not those of the rows")
    report_s, bare_s = zip(*taken[1:], strict=True)
    ratios = [one / other for one, other in taken[1:]]
    return {
        "what": case.name, "report_ms": round(1000 * statistics.median(report_s), 1),
        "bare_ms": round(1000 * statistics.median(bare_s), 1), "ratio": round(statistics.median(ratios), 2),
        "rows": len(told["rows"]), "groups": len(groups),
    }  # fmt: skip


def asked(client: FlaskClient, case: Case) -> Any:
    path = f"/v1/reports/delivery?{urlencode(case.asked)}"
    return client.get(path, headers={"Authorization": "Bearer report"}).json


def bare(engine: sa.Engine, case: Case) -> list[Any]:
    with sql.reading(engine) as connection:
        return list(connection.exec_driver_sql(case.bare).all())


def total_of(told: Any) -> int:
    """Everything that was counted, by the totals and by the rows of a report, which must be one."""
    counts = ("requests", "impressions", "viewable", "clicks", "invalid")
    by_rows = sum(row[count] for row in told["rows"] for count in counts)
    if by_rows != sum(told["totals"][count] for count in counts):
        raise RuntimeError("the totals are not the sums of the rows")
    return int(by_rows)


if __name__ == "__main__":
    sys.exit(main())
