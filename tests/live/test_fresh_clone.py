"""A new user's first minute: an empty folder, a clone, `make run`, a fill."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.live.engine import ROOT, Engine
from tests.live.pages import is_sponsor, shown

pytestmark = pytest.mark.alone

FIRST_FILL_WITHIN_S = 60
"""The bar of the README, on a warm package cache."""


def test_make_run_in_a_fresh_clone_serves_its_first_fill(tmp_path: Path) -> None:
    clone = tmp_path / "adengine"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    engine = Engine(clone)
    clean = {
        k: v
        for k, v in engine.environ.items()
        if k not in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "ADENGINE_TRAFFIC_RULES")
    } | {"ADENGINE_LOG_LEVEL": "info"}
    log = (clone / "engine.log").open("ab")
    engine.process = subprocess.Popen(
        ["make", "run"], cwd=clone, env=clean, stdout=log, stderr=log, start_new_session=True
    )
    try:
        eventually(lambda: engine.ready() and is_sponsor(shown(engine)), within_s=FIRST_FILL_WITHIN_S)
        eventually(lambda: "curl" in engine.log)  # printed once the engine is seen to be ready
        said = engine.log
        assert "set-up 3/3" in said, "no progress was shown"
        assert '"event":"fills_compiled"' in said, "fills are not answered by compiled code"
        assert engine.url in said, "the URL was not printed"
        for key in engine.keys.values():
            assert key in said, "a key was not printed"
        status = subprocess.run(
            ["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True, text=True
        ).stdout.splitlines()
        assert [line for line in status if "engine.log" not in line] == [], "a run leaves files that git would commit"
    finally:
        os.killpg(engine.process.pid, 15)
        engine.process.wait(30)
        log.close()
    eventually(lambda: engine.processes() == [], within_s=10)
