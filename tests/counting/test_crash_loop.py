"""Through kill −9 of workers, consumer and Valkey, every acknowledged beacon is counted once. See crash_loop."""

from pathlib import Path

import pytest

from tests.counting import crash_loop
from tests.counting.crash_loop import VICTIMS


@pytest.mark.alone
def test_no_kill_loses_or_doubles_a_beacon(tmp_path: Path) -> None:
    outcome = crash_loop.run(tmp_path, beacons=5_000, duplicates=0.2, kills=1, copies=8)
    assert outcome.is_exact, outcome
    assert outcome.kills == dict.fromkeys(VICTIMS, 1) and outcome.copies > 500


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_no_kill_of_many_loses_or_doubles_a_beacon(tmp_path: Path) -> None:
    outcome = crash_loop.run(tmp_path, beacons=100_000, duplicates=0.2, kills=5, copies=64)
    assert outcome.is_exact, outcome
    assert outcome.kills == dict.fromkeys(VICTIMS, 5) and outcome.copies > 15_000
