"""The decision log on disk: lines while an hour is open, Parquet afterwards, forgotten in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from adengine.decisions.log import DAY_S, HOUR_S, DecisionLog
from adengine.decisions.segments import LATE_S, find, forget, keep, logged
from tests.builders import NOW_S


def a_record(number: int, at_s: int) -> dict[str, Any]:
    told = {"request_id": f"R{number:025d}", "at_s": at_s, "reader": f"{number % 5:016x}"}
    return told | {"snapshot": 7, "body": '{"text":"ä €"}', "notes": [["clock", 0.1]]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two hours of two workers, ten lines each."""
    folder = tmp_path / "decisions"
    for worker in range(2):
        log = DecisionLog(folder)
        for number in range(20):
            at_s = NOW_S + number // 10 * HOUR_S + number
            log.append(at_s, a_record(100 * worker + number, at_s))
    return folder


def names(folder: Path, suffix: str) -> list[str]:
    return sorted(path.name for path in folder.glob(f"*{suffix}"))


def test_a_closed_hour_becomes_a_segment_and_nothing_of_it_is_lost(folder: Path) -> None:
    before = {number: find(folder, f"R{number:025d}") for number in (0, 19, 100, 119)}
    assert all(before.values()) and len(names(folder, "ndjson")) == 4
    assert keep(folder, NOW_S + HOUR_S, 7) == 0, "somebody may still write"
    assert keep(folder, NOW_S + HOUR_S + LATE_S, 7) == 2
    assert len(names(folder, "ndjson")) == 2 and len(names(folder, "parquet")) == 2
    assert {number: find(folder, f"R{number:025d}") for number in before} == before
    assert find(folder, "R" + "9" * 25) is None
    assert len(logged(folder, 1000)) == 40
    assert logged(folder, 2) == [(f"R{119:025d}", NOW_S + HOUR_S + 19), (f"R{19:025d}", NOW_S + HOUR_S + 19)]


def test_anybody_can_read_a_segment(folder: Path) -> None:
    keep(folder, NOW_S + DAY_S, 7)
    rows = duckdb.execute(
        "SELECT request_id, at_s, snapshot, record FROM read_parquet($1) ORDER BY request_id",
        [str(folder / "*.parquet")],
    ).fetchall()
    assert len(rows) == 40 and rows[0][:3] == ("R" + "0" * 25, NOW_S, 7)
    assert orjson.loads(rows[0][3]) == a_record(0, NOW_S)


def test_what_is_old_is_forgotten(folder: Path) -> None:
    assert keep(folder, NOW_S + 7 * DAY_S, 7) == 4 and len(names(folder, "parquet")) == 4
    keep(folder, NOW_S + 7 * DAY_S + HOUR_S, 7)
    assert len(names(folder, "parquet")) == 2
    keep(folder, NOW_S + 7 * DAY_S + 2 * HOUR_S, 7)
    assert names(folder, "") == []


def test_a_reader_who_is_forgotten_is_forgotten_here_too(folder: Path) -> None:
    keep(folder, NOW_S + DAY_S, 7)
    assert forget(folder, {f"{9:016x}": NOW_S + DAY_S}) == 0
    assert forget(folder, {f"{3:016x}": NOW_S + HOUR_S + 13}) == 4
    left = {int(request_id[1:]) for request_id, _ in logged(folder, 100)}
    assert left == {n for n in (*range(20), *range(100, 120)) if n % 5 != 3 or n % 100 > 13}
    assert forget(folder, {f"{3:016x}": NOW_S + HOUR_S + 13}) == 0


def test_a_line_that_was_cut_off_costs_only_itself(folder: Path) -> None:
    path = sorted(folder.glob("*.ndjson"))[0]
    path.write_bytes(path.read_bytes()[:-20])
    keep(folder, NOW_S + DAY_S, 7)
    assert len(logged(folder, 100)) == 39


def test_a_segment_that_was_made_when_the_power_went_is_made_again(folder: Path) -> None:
    lines = {path: path.read_bytes() for path in folder.glob("*.ndjson")}
    keep(folder, NOW_S + DAY_S, 7)
    for path, text in lines.items():
        path.write_bytes(text)
    keep(folder, NOW_S + DAY_S, 7)
    assert len(logged(folder, 100)) == 40
