"""Through kill -9 of anything, every acknowledged beacon is counted once. See crash_loop."""

from pathlib import Path

import pytest

from tests.counting import crash_loop
from tests.counting.crash_loop import VICTIMS, Outcome


def crashed(folder: Path, *, kills: int, beacons: int, copies: int, database: str) -> Outcome:
    outcome = crash_loop.run(
        folder, beacons=beacons, duplicates=0.2, kills=kills, copies=copies, database=database
    )  # fmt: skip
    print(outcome)  # noqa: T201
    assert outcome.is_exact, outcome
    assert outcome.kills == dict.fromkeys(VICTIMS[database], kills)
    assert outcome.beacons >= beacons and outcome.copies > 0.15 * beacons
    return outcome


@pytest.mark.alone
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", VICTIMS)
def test_no_kill_loses_or_doubles_a_beacon(tmp_path: Path, database: str) -> None:
    crashed(tmp_path, beacons=20_000, kills=3, copies=8, database=database)


@pytest.mark.proof
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("database", VICTIMS)
def test_no_kill_of_many_loses_or_doubles_one_of_a_million_beacons(tmp_path: Path, database: str) -> None:
    assert crashed(tmp_path, beacons=1_000_000, kills=20, copies=64, database=database).spooled > 0
