"""What a fill says of its device and refresh comes out of the reports, beacons included, from sums and from events."""

import json
from pathlib import Path
from typing import Any

import pytest

from adengine.catalog.targets.devices import EXAMPLES
from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.pages import DEMO_PAGE, a_page, acknowledge, warmed

pytestmark = pytest.mark.alone

PHONE, DESKTOP = EXAMPLES["phone"], EXAMPLES["desktop"]


def told(engine: Engine, source: str) -> dict[tuple[Any, Any], tuple[int, int]]:
    """(impressions, viewable) by device and refresh."""
    path = f"/v1/reports/delivery?group_by=device,refresh&metrics=impressions,viewable&source={source}"
    rows = json.loads(engine.get(path, "report")[1])["rows"]
    counts = {(row["device"], row["refresh"]): (row["impressions"], row["viewable"]) for row in rows}
    return {group: found for group, found in counts.items() if any(found)}


def test_reports_tell_the_device_and_the_refresh_of_what_was_seen(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "engine", ADENGINE_WORKERS="1")
    engine.start()
    try:
        warmed(engine)
        for number, (user_agent, refresh, is_seen) in enumerate(
            [(PHONE, None, True), (PHONE, 1, True), (PHONE, 1, False), (DESKTOP, 12, True), ("x", 0, False)]
        ):
            reader = {"key": f"reader-{number}", "place": "Remer,MN", "user_agent": user_agent}
            page = {"url": DEMO_PAGE, "topics": ["fantasy-sports"], "refresh": refresh}
            (fill,) = engine.post("/v1/fill", a_page() | {"page": page, "reader": reader}, "fill")["fills"]
            assert acknowledge(engine, fill["impression_url"])
            assert not is_seen or acknowledge(engine, fill["viewable_url"])
        expected = {("phone", 0): (1, 1), ("phone", 1): (2, 1), ("desktop", 3): (1, 1), (None, 0): (1, 0)}
        for source in ("rollup", "events"):
            eventually(lambda source=source: told(engine, source) == expected, within_s=15)
    finally:
        engine.stop()
