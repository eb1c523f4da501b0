"""Whole simulations on real stores: goals are delivered, never passed, and everything that was counted agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from adengine import demo, places, topics
from adengine.catalog.known import Known
from adengine.cli.main import commands
from adengine.simulate import stage
from adengine.simulate.plots import page
from adengine.simulate.run import Arrival
from adengine.simulate.world import STARTS_S, World
from adengine.store import schema, sql
from tests.simulate.offline import most_clicks

STEP_S = 300


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Known:
    gazetteer = places.load(tmp_path_factory.getbasetemp().parent / "places")
    return Known(gazetteer=gazetteer, taxonomy=topics.load())


def simulated(shipped: Known, *, flights: int = 6, sold: float = 0.7) -> dict[str, Any]:
    parts: list[float] = []
    found = stage.of_world(World(seed=1, days=1, pages_a_day=800), flights, sold, shipped, STEP_S, parts.append)
    assert parts == sorted(parts) and parts[0] == 0 and 0.9 < parts[-1] <= 1
    return found


def test_a_simulated_day_is_delivered_and_every_count_agrees(shipped: Known) -> None:
    found = simulated(shipped)
    assert found["goals"]["over"] == 0 and found["caps_broken"] == 0 and found["degraded"] == 0
    assert found["goals"]["shortfall"] < 0.03, "goals of some fifty, counted every five minutes"
    assert found["counts_agree"] and all(found["audit"].values())
    assert found["slots"] == 2 * found["pages"] and sum(found["filled"].values()) <= found["slots"]
    assert found["pages"] > 500 and {"standard", "network", "house"} <= set(found["filled"])
    assert sum(hour["sponsored"] + hour["house"] + hour["empty"] for hour in found["hours"]) == found["slots"]
    capped = [flight for flight in found["flights"] if flight["cap"]]
    assert capped and all(max(map(int, flight["cap"]["readers"])) <= flight["cap"]["limit"] for flight in capped)
    html = page(found)
    assert len(found["flights"]) == 8 and html.count("<svg") == 2 * 8 + 1 + len(capped)
    assert "everything reconciles" in html
    assert simulated(shipped) == found, "the same seed, other figures"


def test_of_what_is_oversold_the_lowest_priority_bears_most(shipped: Known) -> None:
    found = simulated(shipped, sold=1.3, flights=30)
    missing = [row["shortfall"] for _, row in sorted(found["by_priority"].items(), key=lambda item: int(item[0]))]
    assert found["goals"]["over"] == 0 and len(missing) == 3
    assert missing[0] < 0.05 and missing[1] < 0.3 < 0.5 < missing[2], missing


def test_real_requests_are_answered_by_the_catalogue(shipped: Known, tmp_path: Path) -> None:
    engine = sql.engine(f"sqlite:///{tmp_path / 'catalogue.sqlite3'}", create=True)
    schema.upgrade(engine)
    demo.seed(engine, tmp_path, shipped, STARTS_S)
    body = {
        "page": {"url": "https://demo.example/fantasy", "topics": ["fantasy-sports"]},
        "reader": {"key": "one reader", "place": "Remer,MN"},
        "slots": [{"slot": "article-header"}],
    }
    pages = [Arrival(STARTS_S + 600 * n, orjson.dumps(body)) for n in range(12)]
    found = stage.of_requests(engine, pages, 1, shipped, "UTC", STEP_S)
    engine.dispose()
    assert found["pages"] == 12 and found["filled"]["house"] >= 12 - 3 - 3
    qwiket = next(flight for flight in found["flights"] if flight["name"] == "QWIKET")
    assert qwiket["impressions"] == 3, "its cap of three a day"
    assert found["reasons"]["all_capped"] > 0 and found["counts_agree"]


def test_the_command_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    log = tmp_path / "log.ndjson"
    log.write_text('{"at": 1}\n')
    done = CliRunner().invoke(commands, ["simulate", "--requests", str(log), "--days", "0"])
    assert done.exit_code == 2 and "--days" in done.output
    assert CliRunner().invoke(commands, ["simulate", "--requests", str(tmp_path / "none")]).exit_code == 2


def part_of_the_most_clicks(world: World, sold: float, found: dict[str, Any]) -> float:
    """Of what the best plan would have had, delivering as much of each flight."""
    rows = [row for row in found["flights"] if row["goal"]]
    had = sum(row["expected_clicks"] for row in rows)
    return float(had / most_clicks(world, len(rows), sold, [row["impressions"] for row in rows]))


def test_where_clicks_are_known_most_of_those_that_there_could_be_are_had(shipped: Known) -> None:
    world = World(seed=1, days=2, pages_a_day=1500)
    knowing, blind = (
        stage.of_world(world, 8, 0.85, shipped, STEP_S, known_clicks=known_clicks) for known_clicks in (True, False)
    )
    assert part_of_the_most_clicks(world, 0.85, knowing) > 0.9, "the bar of 0.95 is for a larger world, below"
    assert part_of_the_most_clicks(world, 0.85, knowing) > part_of_the_most_clicks(world, 0.85, blind) + 0.05
    assert knowing["goals"]["over"] == 0 and knowing["counts_agree"]


PROOF = {"days": 3, "pages_a_day": 6_000}
FLIGHTS = 40


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("known_clicks", [True, False])
@pytest.mark.parametrize("seed", range(1, 6))
def test_a_book_that_is_85_percent_sold_is_delivered(shipped: Known, seed: int, known_clicks: bool) -> None:
    """The bar: 99 % of the flights to 99 %, a shortfall of 0.05 % together, nothing over; 95 % of the clicks of the
    best plan, if click rates are known. Sold are 81 to 85 % of all lines that are seen, as the seed has it."""
    world = World(seed=seed, **PROOF)
    found = stage.of_world(world, FLIGHTS, 0.85, shipped, 60, known_clicks=known_clicks)
    assert 0.8 < found["sold"] < 0.86
    clicks = part_of_the_most_clicks(world, 0.85, found)
    assert clicks >= 0.95 or not known_clicks, f"{clicks:.3f} of the most clicks"
    goals = found["goals"]
    assert goals["over"] == 0 and found["caps_broken"] == 0 and found["counts_agree"]
    assert goals["delivered_99"] >= 0.99 * goals["flights"], goals
    assert goals["shortfall"] <= 0.0005, goals


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1, 4))
def test_of_a_book_that_is_119_percent_sold_the_lowest_priority_bears_most(shipped: Known, seed: int) -> None:
    found = stage.of_world(World(seed=seed, **PROOF), FLIGHTS, 1.19, shipped, 60)
    short = {priority: goals["shortfall"] for priority, goals in found["by_priority"].items()}
    assert short["3"] <= 0.01 and short["5"] <= 0.25 and short["8"] >= 0.3, short
    assert found["sold"] > 1.1 and found["goals"]["over"] == 0 and found["counts_agree"]
