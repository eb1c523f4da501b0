"""A goal is reached and never passed, whatever is killed on the way."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.pages import a_page
from tests.live.parts import PARTS, pacer

pytestmark = pytest.mark.alone

HOLD_S = 3
"""Short, so that what a killed worker had leased comes back soon."""
KILLED = ("a worker", "the web", "the pacer", "a worker", "the consumer", "a worker")
REPLACED_WITHIN_S = 10
SEED = 20261123


@contextmanager
def serving(folder: Path, workers: int) -> Iterator[Engine]:
    engine = Engine(folder, ADENGINE_WORKERS=str(workers), ADENGINE_HOLD_S=str(HOLD_S), ADENGINE_LOG_LEVEL="info")
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()


def book(engine: Engine, **fields: Any) -> str:
    """The id of a sponsor's flight on the demo's pages, shown before all others."""
    advertiser = engine.post("/v1/advertisers", {"name": "Goals"}, "manage")["id"]
    campaign = {"advertiser": advertiser, "name": "Ten thousand", "currency": "USD"}
    campaign_id = engine.post("/v1/campaigns", campaign, "manage")["id"]
    creative = {
        "campaign": campaign_id,
        "landing_url": "https://goals.example/",
        "variants": [{"role": "brand", "text": "Goals"}, {"role": "short", "text": "Goals: reached, never passed."}],
    }
    creative_id = engine.post("/v1/creatives", creative, "manage")["id"]
    engine.post(f"/v1/creatives/{creative_id}:submit", None, "manage")
    engine.post(f"/v1/creatives/{creative_id}:approve", None, "review")
    flight = {
        "campaign": campaign_id,
        "starts_at": "2026-01-01T00:00:00Z",
        "tier": "standard",
        "priority": 1,
        "targeting": {"slots": {"include": ["article-header"]}},
    }
    return str(engine.post("/v1/flights", flight | fields, "manage")["id"])


class Readers:
    """Several who look at pages all the time and report every line of the flight that they saw."""

    def __init__(self, engine: Engine, flight: str, threads: int = 6) -> None:
        self.engine = engine
        self.flight = flight
        self.acknowledged = 0
        self._numbers = count()
        self._stopped = False
        self._pool = ThreadPoolExecutor(threads)
        self._runs: list[Future[None]] = [self._pool.submit(self._read) for _ in range(threads)]

    def stop(self) -> None:
        self._stopped = True
        for run in self._runs:
            run.result(60)
        self._pool.shutdown()

    def _read(self) -> None:
        while not self._stopped:
            with suppress(OSError, http.client.HTTPException):
                self._look()

    def _look(self) -> None:
        status, answer, _ = self.engine.call("POST", "/v1/fill", a_page(f"goal-{next(self._numbers)}"), "fill")
        if status != 200:
            return
        fill = json.loads(answer)["fills"][0]
        if fill["status"] == "filled" and fill["creative"]["flight"] == self.flight:
            for _ in range(5):
                if self.engine.call("POST", fill["impression_url"])[0] == 204:
                    self.acknowledged += 1
                    return
                time.sleep(0.2)
        else:
            time.sleep(0.02)


def how_far(engine: Engine, flight: str) -> dict[str, Any]:
    """The answer of `GET …/pacing`; nothing delivered while the web is being started again."""
    with suppress(OSError, http.client.HTTPException):
        status, answer, _ = engine.get(f"/v1/flights/{flight}/pacing", "manage")
        if status == 200:
            return dict(json.loads(answer))
    return {"delivered": -1}


@pytest.mark.parametrize(
    ("goal", "workers", "kills", "within_s"),
    [(300, 2, 2, 150), pytest.param(10_000, 4, 6, 900, marks=pytest.mark.proof)],
)
@pytest.mark.timeout(1200)
def test_a_goal_is_reached_and_never_passed_whatever_is_killed(
    tmp_path: Path, goal: int, workers: int, kills: int, within_s: int
) -> None:
    chance = random.Random(SEED)
    with serving(tmp_path / "engine", workers) as engine:
        flight = book(engine, goal={"impressions": goal}, pacing="asap")
        readers = Readers(engine, flight)
        try:
            for n in range(kills):
                due = goal * (n + 1) // (kills + 2)
                eventually(lambda due=due: how_far(engine, flight)["delivered"] >= due, within_s=within_s)  # type: ignore[misc]
                pid = chance.choice(sorted(eventually(lambda n=n: PARTS[KILLED[n]](engine), within_s=30)))  # type: ignore[misc]
                os.kill(pid, signal.SIGKILL)
            eventually(lambda: how_far(engine, flight)["delivered"] >= 0.995 * goal, within_s=within_s)
            time.sleep(HOLD_S + 5)
        finally:
            readers.stop()
        eventually(lambda: how_far(engine, flight)["delivered"] >= min(readers.acknowledged, goal) - kills, within_s=30)
        at_last = how_far(engine, flight)
        assert 0.995 * goal <= at_last["delivered"] <= goal
        assert at_last["goal"] == goal


def test_a_promised_share_is_kept_by_all_workers_together(tmp_path: Path) -> None:
    """Of any hundred pages one more or less, in the order in which they were answered by three workers."""
    with serving(tmp_path / "engine", 3) as engine:
        flight = book(engine, tier="sponsorship", goal={"share": 0.3})
        eventually(lambda: sum(shows(engine, flight) for _ in range(100)) >= 29, within_s=20)  # by now all know of it
        shown = [shows(engine, flight) for _ in range(250)]
        assert all(abs(sum(shown[at : at + 100]) - 30) <= 1 for at in range(151))


def test_another_pacer_takes_over_from_one_that_was_killed(tmp_path: Path) -> None:
    """And meanwhile pages go on with what they were told last."""
    with serving(tmp_path / "engine", 1) as engine:
        flight = book(engine, goal={"impressions": 100_000}, pacing="asap")
        eventually(lambda: shows(engine, flight), within_s=20)
        for pid in eventually(lambda: pacer(engine)):
            os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        looks = []
        while time.monotonic() < killed + 2:
            looks.append(shows(engine, flight))
        assert any(looks), "workers forgot what they were told last"
        status, answer, _ = engine.get("/metrics")
        assert status == 200 and answer
        eventually(lambda: len(events(engine, "pacing")) >= 2, within_s=REPLACED_WITHIN_S)
        eventually(lambda: shows(engine, flight), within_s=REPLACED_WITHIN_S)


def shows(engine: Engine, flight: str) -> bool:
    fill = engine.post("/v1/fill", a_page(f"another-{time.monotonic_ns()}"), "fill")["fills"][0]
    return bool(fill["status"] == "filled" and fill["creative"]["flight"] == flight)


def events(engine: Engine, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in engine.log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]
