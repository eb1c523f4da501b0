"""Whatever stops the engine, what it acknowledged stays counted, caps hold, and nothing is left behind."""

from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.pages import acknowledge, delivered, is_sponsor, shown, warmed
from tests.live.parts import write_first

pytestmark = pytest.mark.alone

CAP = 3  # of the demo's QWIKET flight: three a day to one reader


@pytest.mark.parametrize("ending", ["SIGTERM", "kill -9 of everything"])
def test_a_restart_keeps_what_was_acknowledged_and_the_caps(tmp_path: Path, ending: str) -> None:
    engine = Engine(tmp_path / "engine", ADENGINE_WORKERS="1")
    engine.start()
    try:
        fills = [shown(warmed(engine)) for _ in range(CAP)]
        assert all(is_sponsor(fill) for fill in fills)
        assert all(acknowledge(engine, fill["impression_url"]) for fill in fills)
        before = engine.keys
        if ending == "SIGTERM":
            engine.stop()
        else:
            write_first(engine)
            engine.kill_everything()
        assert engine.processes() == []

        engine.start()
        assert engine.keys == before, "a restart made new keys"
        assert not is_sponsor(shown(warmed(engine))), "a restart forgot the reader's caps"
        eventually(lambda: delivered(engine)["impressions"] == CAP, within_s=10)
        assert not any(acknowledge(engine, fill["impression_url"]) is False for fill in fills)
        eventually(lambda: delivered(engine)["invalid"] == CAP, within_s=10)
        assert delivered(engine)["impressions"] == CAP, "a copy sent after the restart counted again"
    finally:
        engine.stop()
    assert engine.processes() == []


def test_a_killed_supervisor_leaves_no_orphan_and_a_second_start_no_second_store(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "engine", ADENGINE_WORKERS="1")
    engine.start()
    assert engine.process is not None
    engine.process.kill()
    engine.process.wait(10)
    eventually(lambda: engine.processes() == [], within_s=15)

    engine.start()
    rival = Engine(engine.folder)
    with pytest.raises(AssertionError, match="stopped at start"):
        rival.start()
    stores = [pid for pid in engine.processes() if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(stores) == 1
    engine.stop()
    assert engine.processes() == []
