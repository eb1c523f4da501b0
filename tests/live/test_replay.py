"""A real page of a real engine, replayed by the command, while the catalogue goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adengine.decisions import segments
from adengine.decisions.log import HOUR_S
from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.pages import a_page

pytestmark = pytest.mark.alone


def replay(engine: Engine, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adengine", "replay", *words],
        cwd=engine.folder, env=engine.environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_logged_page_is_replayed_to_the_byte_before_and_after_edits_and_as_parquet(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "engine", ADENGINE_WORKERS="2", ADENGINE_DECISION_SAMPLE="1")
    engine.start()
    try:
        bodies = []
        for n in range(6):
            status, body, _ = engine.call("POST", "/v1/fill", a_page(reader=f"reader-{n % 2}"), "fill")
            assert status == 200
            bodies.append(body.decode())
        ids = [json.loads(body)["request_id"] for body in bodies]
        same_again(engine, ids, bodies)
        made = engine.post("/v1/advertisers", {"name": "Newcomer"}, "manage")
        assert made["id"]
        eventually(lambda: len(list((engine.folder / "var" / "catalogues").glob("*.catalogue"))) >= 2, within_s=10)
        same_again(engine, ids[:2], bodies[:2])
        assert replay(engine, "01M84P4T4RPWAGNDXNF5BPM7RB").returncode == 1
        assert replay(engine).returncode == 2
    finally:
        engine.stop()
    assert segments.keep(engine.folder / "var" / "decisions", int(time.time()) + 2 * HOUR_S, 7) >= 1
    same_again(engine, ids[:2], bodies[:2])
    listed = replay(engine, "--list", "10").stdout
    assert all(request_id in listed for request_id in ids)


def same_again(engine: Engine, ids: list[str], bodies: list[str]) -> None:
    for request_id, body in zip(ids, bodies, strict=True):
        done = replay(engine, request_id)
        assert done.returncode == 0, done.stderr
        assert done.stdout.rstrip("\n") == body and "identical" in done.stderr
