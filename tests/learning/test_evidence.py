"""What learning reads of the counts: by creative and cell, of the versions that are shown, of the last weeks."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from adengine import places, topics
from adengine.counting.metrics import Kind
from adengine.learning.cells import EVERYWHERE, Cell, Cells
from adengine.learning.load import WINDOW_S, evidence
from adengine.store.client import Store
from tests.counting.books import a_consumer, append, beacon_event, body_of, drain

NOW_S = 1_757_203_200
TAXONOMY = topics.load()


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Cells:
    return Cells(places.load(tmp_path_factory.getbasetemp().parent / "places"), TAXONOMY)


def place(name: str, tmp: Path) -> int:
    found = places.load(tmp).resolve(name).place
    assert found is not None
    return found.id


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    folder = tmp_path_factory.getbasetemp().parent / "places"
    return {name: place(name, folder) for name in ("Remer,MN", "Duluth,MN", "Minnesota", "US", "Paris, FR")}


def topic(word: str) -> int:
    found = TAXONOMY.resolve(word)
    assert found is not None
    return found.number


def test_a_cell_is_a_root_topic_in_a_region(cells: Cells, named: dict[str, int]) -> None:
    fantasy, sports = topic("fantasy-sports"), topic("sports")
    minnesota = named["Minnesota"]
    assert cells.of(named["Remer,MN"], fantasy) == cells.of(named["Duluth,MN"], sports) == Cell(sports, minnesota)
    assert cells.of(minnesota, 0) == Cell(0, minnesota) and cells.of(named["US"], 0) == Cell(0, named["US"])
    assert cells.of(named["Paris, FR"], 0).place != named["Paris, FR"]
    assert cells.of(0, 0) == EVERYWHERE and cells.of(1, 10**9) == EVERYWHERE, "unknown ones are none"


def test_impressions_and_clicks_are_summed_by_creative_and_cell(
    valkey: Store, sqlite_engine: Engine, cells: Cells, named: dict[str, int]
) -> None:
    sports = topic("sports")
    spots = [(named["Remer,MN"], topic("fantasy-sports")), (named["Duluth,MN"], sports), (0, 0)]
    events = []
    for n, (there, about) in enumerate(spots * 3):
        what = {"request": n, "creative": 5, "version": 2, "place": there, "topic": about}
        events.append(beacon_event(body_of(Kind.IMPRESSION, **what), at_s=NOW_S))
        if n == 0:
            events.append(beacon_event(body_of(Kind.CLICK, **what), at_s=NOW_S))
    old = {"request": 50, "creative": 5, "version": 1, "place": 0, "topic": 0}
    events.append(beacon_event(body_of(Kind.IMPRESSION, **old), at_s=NOW_S))
    other = {"request": 51, "creative": 6, "version": 2, "place": 0, "topic": 0}
    events.append(beacon_event(body_of(Kind.CLICK, **other), at_s=NOW_S))
    append(valkey, *events)
    drain(a_consumer(valkey, sqlite_engine, clock=lambda: NOW_S))
    found = evidence(sqlite_engine, {5: 2, 6: 2, 7: 1}, cells, NOW_S)
    minnesota = Cell(sports, named["Minnesota"])
    assert found.by_creative == {5: {minnesota: (6, 1), EVERYWHERE: (3, 0)}, 6: {EVERYWHERE: (0, 0)}}
    assert found.total(5) == (9, 1) and found.total(7) == (0, 0)
    assert found.in_cells((5, 6)) == {minnesota: (6, 1), EVERYWHERE: (3, 0)}
    assert not evidence(sqlite_engine, {5: 2}, cells, NOW_S + WINDOW_S + 900).by_creative, "too long ago"
