"""`source=events`: every row and total of every report is that of the sums, at every stage that files may be in."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert

from adengine import places
from adengine.counting import seals, segments
from adengine.counting.kept import DAY_S, HOUR_S
from adengine.counting.segments import parts
from adengine.counting.tables import adjustment, rollup
from adengine.reporting import delivery
from adengine.reporting.delivery import report_of
from adengine.reporting.dimensions import DIMENSIONS, World
from adengine.reporting.load import Source, load, of_rollups
from adengine.reporting.metrics import METRICS
from adengine.reporting.query import parse
from adengine.reporting.question import question_of
from adengine.reporting.segments import Events
from adengine.store.client import Store
from tests.counting import happened
from tests.counting.books import a_consumer, append, damage, drain
from tests.reporting.books import MINNESOTA_TOWNS, NOW_S, a_cell, write_catalogue
from tests.reporting.conftest import a_client

SEED, REPORTS, PAGES = 20, 12, 60
ZONES = ("UTC", "America/Chicago", "Asia/Kolkata", "Asia/Kathmandu")
FILTERS = (
    "flight:flt_1", "flight:flt_3", "campaign:cmp_1", "advertiser:adv_2", "slot:slot_1", "site:site_2",
    "position:header", "position:it's \\", "tier:house", "currency:EUR", "reason:bot", "place:Minnesota, US",
    "topic:5", "variant:brand", "version:1", "version:7", "device:phone", "refresh:3",
)  # fmt: skip
LONG = ("week", "month")
"""Units of which there is only one in the period."""
PERIOD = {"from": "2025-09-06", "to": "2025-09-10"}
PATH = "/v1/reports/delivery"


def asked_for(chance: random.Random) -> dict[str, list[str]]:
    """Any report at all."""
    begin = datetime.fromtimestamp(NOW_S, UTC) + timedelta(minutes=15 * chance.randrange(-20, 60))
    end = begin + timedelta(minutes=15 * chance.randrange(1, 200))
    return {
        "from": [begin.isoformat()], "to": [end.isoformat()], "tz": [chance.choice(ZONES)],
        "group_by": [",".join(row.name for row in chance.sample(DIMENSIONS, chance.randrange(4)))],
        "metrics": [",".join(row.name for row in chance.sample(METRICS, chance.randrange(1, len(METRICS))))],
        "filter": chance.sample(FILTERS, chance.choice((0, 0, 1, 2))),
    }  # fmt: skip


def reported(engine: Engine, world: World, given: dict[str, list[str]], source: Source) -> delivery.Report:
    asked = parse(given, world, NOW_S)
    question = question_of(asked, advertiser=None, site=None)
    loaded = load(engine, question, source)
    there = World(gazetteer=world.gazetteer, taxonomy=world.taxonomy, roles=loaded.roles, names=loaded.names)
    return report_of(asked, question, loaded.parts, there)


def agree(engine: Engine, world: World, chance: random.Random, events: Events, reports: int = REPORTS) -> None:
    told = 0
    for _ in range(reports):
        given = asked_for(chance)
        sums, anew = (reported(engine, world, given, source) for source in (of_rollups, events))
        assert (anew.rows, anew.totals) == (sums.rows, sums.totals), given
        told += bool(sums.rows and any(sums.totals.values()))
    assert told > reports // 3, "too many reports were empty"


@pytest.fixture
def towns(gazetteer: places.Gazetteer) -> list[int]:
    return [place.id for town in MINNESOTA_TOWNS if (place := gazetteer.resolve(town).place) is not None]


def happen(store: Store, engine: Engine, chance: random.Random, towns: list[int], first: int) -> None:
    for bucket in range(3):
        some = list(happened.events(chance, PAGES // 3, places=[0, *towns], first=first + bucket * PAGES))
        append(store, *some, *some[::4], bucket=bucket)
    drain(a_consumer(store, engine, keeps_events=True))


def test_every_report_is_that_of_the_sums(
    valkey: Store, engine: Engine, world: World, towns: list[int], tmp_path: Path
) -> None:
    write_catalogue(engine)
    chance, folder = random.Random(SEED), tmp_path / "events"
    events = Events(folder)
    happen(valkey, engine, chance, towns, 1000)
    agree(engine, world, chance, events)
    segments.keep(engine, folder, NOW_S, 30)
    agree(engine, world, chance, events)
    happen(valkey, engine, chance, towns, 2000)
    agree(engine, world, chance, events)
    segments.keep(engine, folder, NOW_S, 30)
    apart = {part: (folder / part.name).read_bytes() for part in parts(folder)}
    agree(engine, world, chance, events)
    segments.keep(engine, folder, NOW_S + 3 * DAY_S, 30)
    assert len(parts(folder)) < len(apart)
    agree(engine, world, chance, events)
    for part, text in apart.items():  # as if the keeper had been killed before it took them away
        (folder / part.name).write_bytes(text)
    agree(engine, world, chance, events)


def test_every_dimension_and_metric_is_that_of_the_sums(
    valkey: Store, sqlite_engine: Engine, world: World, towns: list[int], tmp_path: Path
) -> None:
    write_catalogue(sqlite_engine)
    happen(valkey, sqlite_engine, random.Random(SEED), towns, 1)
    segments.keep(sqlite_engine, tmp_path / "events", NOW_S, 30)
    metrics = ",".join(row.name for row in METRICS)
    for row in DIMENSIONS:
        given = {name: [value] for name, value in PERIOD.items()} | {"group_by": [row.name], "metrics": [metrics]}
        sums, anew = (
            reported(sqlite_engine, world, given, source) for source in (of_rollups, Events(tmp_path / "events"))
        )
        assert anew == sums and len(sums.rows) >= 1 + (row.name not in LONG), row.name
        assert all(sums.totals[metric.name] for metric in METRICS if metric.name != "spend_micros")


@pytest.fixture
def there(valkey: Store, sqlite_engine: Engine, gazetteer: places.Gazetteer, tmp_path: Path) -> FlaskClient:
    """An engine that keeps events, some of them in files."""
    client = a_client(sqlite_engine, gazetteer, Events(tmp_path / "events"))
    happen(valkey, sqlite_engine, random.Random(SEED), [], 1)
    segments.keep(sqlite_engine, tmp_path / "events", NOW_S, 30)
    happen(valkey, sqlite_engine, random.Random(SEED + 1), [], 5000)
    return client


def told(client: FlaskClient, key: str = "report", **query: str) -> Any:
    return client.get(PATH, query_string=PERIOD | query, headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("key", ["report", "advertise", "site"])
@pytest.mark.parametrize("format_", ["json", "csv", "ndjson"])
def test_whoever_asks_sees_as_much_as_in_the_sums(there: FlaskClient, key: str, format_: str) -> None:
    query = {"group_by": "day,flight,reason", "metrics": "gross,clicks,spend_micros,empty", "format": format_}
    sums, anew = told(there, key, **query), told(there, key, source="events", **query)
    assert anew.status_code == 200 and len(anew.data) > 300
    if format_ == "json":
        assert (anew.json["rows"], anew.json["totals"]) == (sums.json["rows"], sums.json["totals"])
        definitions = anew.json["definitions"]
        said = definitions.pop("source")
        assert re.fullmatch(r"Events as the machine .* begin with the hour of 2025-09-07T0\d:00:00Z\.", said)
        assert definitions == sums.json["definitions"]
    else:
        assert anew.data == sums.data


def test_late_events_are_events_and_corrections_are_not(there: FlaskClient, sqlite_engine: Engine) -> None:
    before = told(there, source="events").json["totals"]
    assert told(there).json["totals"] == before
    late = insert(adjustment).values(id=1, at_s=NOW_S, kind=seals.MADE, by="me", note="a refund")
    damage(sqlite_engine, late, insert(rollup).values(a_cell(adjustment=1, n=-3)))
    assert told(there, source="events").json["totals"] == before
    assert told(there).json["totals"]["impressions"] == before["impressions"] - 3


def test_where_events_are_not_kept_the_setting_is_named(client: FlaskClient) -> None:
    answer = told(client, source="events")
    assert answer.status_code == 422
    (mistake,) = answer.get_json(force=True)["errors"]
    assert mistake["pointer"] == "?source" and "ADENGINE_EVENTS_KEEP_DAYS" in mistake["detail"]
    assert told(client, source="rollup").status_code == 200
    assert told(client, source="memory").status_code == 422


def test_before_anything_was_kept_everything_is_nothing(
    sqlite_engine: Engine, gazetteer: places.Gazetteer, tmp_path: Path
) -> None:
    answer = told(a_client(sqlite_engine, gazetteer, Events(tmp_path / "events")), source="events", group_by="campaign")
    assert answer.json["rows"] == [] and answer.json["totals"]["impressions"] == 0
    assert "begin" not in answer.json["definitions"]["source"]


def test_a_file_that_cannot_be_read_is_a_fault_that_may_pass(there: FlaskClient, tmp_path: Path) -> None:
    (first, *_) = parts(tmp_path / "events")
    (tmp_path / "events" / first.name).write_bytes(b"no Parquet at all")
    answer = told(there, source="events")
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert told(there, source="events", **{"from": "2025-09-07T12:00:00Z"}).status_code == 200
    assert first.hour_s < NOW_S + 12 * HOUR_S


def test_workers_know_nothing_of_duckdb_until_they_are_asked() -> None:
    code = "import sys, adengine.wiring; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
