"""Nothing of the reader rests with us: not in the store, the database, a file or a log line."""

import json
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.pages import a_page, acknowledge, delivered

pytestmark = pytest.mark.alone

FILLS = 1000
ADDRESS = "203.0.113.77"
BROWSER = "TellTaleBrowser/9.9"


def test_a_thousand_fills_leave_no_reader_key_address_or_user_agent(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "engine", ADENGINE_WORKERS="1", ADENGINE_DECISION_SAMPLE="1")
    engine.start()
    try:
        seen = 0
        for n in range(FILLS):
            reader = {
                "key": f"telltale-reader-{n % 250}", "place": "Remer,MN", "ip": ADDRESS, "user_agent": BROWSER,
                "consent": True,
            }  # fmt: skip
            headers = {"User-Agent": BROWSER, "X-Forwarded-For": ADDRESS}
            status, answer, _ = engine.call(
                "POST", "/v1/fill", a_page(reader=None) | {"reader": reader}, "fill", **headers
            )
            assert status == 200, answer
            if n % 100 == 0:
                fill = json.loads(answer)["fills"][0]
                seen += acknowledge(engine, fill["impression_url"])
        assert engine.get("/v1/readers/telltale-reader-7", "fill")[0] == 200
        eventually(lambda: delivered(engine)["impressions"] == seen, within_s=10)
        eventually(lambda: delivered(engine, "requests")["requests"] == FILLS, within_s=10)
    finally:
        engine.stop()
    files = [path for path in engine.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 100_000, "there is nothing to search"
    found = {
        (path.name, mark)
        for path in files
        for mark in (b"telltale-reader", ADDRESS.encode(), BROWSER.encode())
        if mark in path.read_bytes()
    }
    assert found == set()
