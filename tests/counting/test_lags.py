"""What waited on the disk, and what comes while all is well, is counted: exactly, and by `make proof` in time."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from adengine.store.client import Store
from tests.counting.lags import live, spooled
from tests.live.engine import Engine
from tests.live.pages import warmed

DRAIN_S_MAX = 30
"""For 100 000 beacons."""
LAG_S_MAX = 5


def test_what_was_spooled_is_counted_once(valkey: Store, sqlite_engine: Database, tmp_path: Path) -> None:
    found = spooled(tmp_path / "spool", valkey, sqlite_engine, 1_500)
    assert found.is_exact and found.beacons == 1_500, found


@pytest.mark.alone
def test_each_impression_comes_into_the_report(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.start()
    assert live(warmed(engine), 3).impressions == 3
    engine.stop()


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_beacons_are_drained_in_time(valkey: Store, sqlite_engine: Database, tmp_path: Path) -> None:
    found = spooled(tmp_path / "spool", valkey, sqlite_engine, 100_000)
    assert found.is_exact and found.drain_s_per_100_000 <= DRAIN_S_MAX, found


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_live_counts_are_in_time(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.start()
    found = live(warmed(engine), 60)
    engine.stop()
    assert found.longest_s <= LAG_S_MAX, found
