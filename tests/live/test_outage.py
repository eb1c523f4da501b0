"""A broken store never breaks a page: every fill answers 200, says that it is degraded, and service comes back."""

import json
import os
import signal
import statistics
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.pages import a_page, delivered, is_sponsor, settled, shown, warmed
from tests.live.parts import write_first

pytestmark = pytest.mark.alone

VIEWS = 150
WITHIN_S_P99 = 0.060
"""The bar of a degraded fill, client and all; asserted by `make proof` only, on a machine that does nothing else."""
BACK_WITHIN_S = 5
ASKED = count()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("outage"), ADENGINE_WORKERS="1")
    engine.start()
    yield warmed(engine)
    engine.stop()


def store_pid(engine: Engine) -> int:
    found = [pid for pid in engine.processes() if b"valkey-server" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(found) == 1
    return found[0]


def views(engine: Engine, name: str) -> list[float]:
    """Seconds of each of many page views, every one of them answered with 200, a line and its level."""
    took, levels = [], set()
    for n in range(VIEWS):
        started = time.perf_counter()
        status, answer, _ = engine.call("POST", "/v1/fill", a_page(f"{name}-{n}"), "fill")
        took.append(time.perf_counter() - started)
        fill = json.loads(answer)
        assert status == 200
        assert fill["fills"][0]["status"] == "filled", "no house line stood in"
        levels.add(fill["degraded"])
    assert "L2" in levels and levels <= {"L2", None}
    return took


def back(engine: Engine) -> bool:
    """Asked by another reader each time: one who asks too often is capped."""
    answer = engine.post("/v1/fill", a_page(f"back-{next(ASKED)}"), "fill")
    return answer["degraded"] is None and is_sponsor(answer["fills"][0])


def one_who_saw_all(engine: Engine) -> str | None:
    """A reader who saw the sponsor as often as his cap allows; None if a page could not wait for the store."""
    reader = f"before-kill-{next(ASKED)}"
    for _ in range(3):
        fill = shown(engine, reader)
        if not is_sponsor(fill):
            return None
        assert engine.call("POST", fill["impression_url"])[0] == 204
    return reader


def drained(engine: Engine) -> bool:
    """Whether of every file in the spool all has been sent on."""
    return all(
        path.with_suffix(".done").exists() and int(path.with_suffix(".done").read_text()) == path.stat().st_size
        for path in (engine.folder / "var" / "spool").glob("*.spool")
    )


def test_a_stopped_store_degrades_fills_and_no_more(engine: Engine, record_property: pytest.FixtureRequest) -> None:
    pid = store_pid(engine)
    os.kill(pid, signal.SIGSTOP)
    try:
        took = views(engine, "stopped")
        capped = shown(engine, "while-stopped")
        assert not is_sponsor(capped), "a capped sponsor was shown without its caps"
        assert capped["reason"] == "store_unavailable"
    finally:
        os.kill(pid, signal.SIGCONT)
    record_property("stopped_p99_ms", round(1000 * statistics.quantiles(took, n=100)[98], 1))  # type: ignore[operator]
    eventually(lambda: back(engine), within_s=BACK_WITHIN_S)


def test_a_killed_store_is_started_again_with_all_its_caps(engine: Engine) -> None:
    reader = eventually(lambda: one_who_saw_all(engine))
    write_first(engine)
    os.kill(store_pid(engine), signal.SIGKILL)
    for n in range(30):
        assert engine.call("POST", "/v1/fill", a_page(f"killed-{n}"), "fill")[0] == 200
    eventually(lambda: back(engine), within_s=BACK_WITHIN_S)
    assert not is_sponsor(shown(engine, reader)), "the killed store forgot a cap"


def test_beacons_wait_on_the_disk_while_nothing_can_record_them_and_count_once(engine: Engine) -> None:
    fill = shown(engine, "beacon")
    before = settled(engine)
    pid = store_pid(engine)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert [engine.call("POST", fill["impression_url"])[0] for _ in range(2)] == [204, 204]
        assert engine.call("GET", fill["click_url"])[0] == 302, "a reader's click went nowhere"
        assert list((engine.folder / "var" / "spool").glob("*.spool"))
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: delivered(engine)["impressions"] == before["impressions"] + 1, within_s=4 * BACK_WITHIN_S)
    eventually(lambda: drained(engine))
    assert engine.call("POST", fill["impression_url"])[0] == 204
    eventually(lambda: delivered(engine)["invalid"] > before["invalid"])
    after = settled(engine)
    assert (after["impressions"], after["clicks"]) == (before["impressions"] + 1, before["clicks"] + 1)


def test_a_database_away_leaves_the_last_catalogue_serving(engine: Engine) -> None:
    database = engine.folder / "var" / "adengine.sqlite3"
    hidden = database.with_name("hidden")
    database.rename(hidden)
    try:
        eventually(lambda: engine.post("/v1/fill", a_page(None), "fill")["degraded"] == "L3", within_s=BACK_WITHIN_S)
        assert is_sponsor(shown(engine, "no-database"))
        status, _, headers = engine.get("/v1/campaigns", "manage")
        assert status == 503 and "Retry-After" in headers
    finally:
        hidden.rename(database)
    eventually(lambda: back(engine), within_s=BACK_WITHIN_S)


@pytest.mark.proof
def test_a_degraded_fill_answers_within_its_bar(engine: Engine) -> None:
    pid = store_pid(engine)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert statistics.quantiles(views(engine, "timed"), n=100)[98] <= WITHIN_S_P99
    finally:
        os.kill(pid, signal.SIGCONT)
