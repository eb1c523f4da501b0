"""An engine with counted days, and pages of both widths."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page

from adengine.counting.metrics import Metric
from adengine.counting.tables import rollup
from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.pages import is_sponsor, shown, warmed
from tests.live.reports.steps import DAY_S, DAYS, NOW_S, SPARE, VERSIONS, WIDTHS
from tests.reporting.books import a_cell


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The demo, with QWIKET's last days counted, and a goal for it."""
    engine = Engine(tmp_path_factory.mktemp("reports"), ADENGINE_AUDIT_EVERY_S="0", ADENGINE_HOLD_S="3600")
    engine.start()
    warmed(engine)
    cells = [
        a_cell(metric, quarter_s=at_s, n=n * (1 + day), micros=1000 * n if metric is Metric.IMPRESSION else 0)
        for day, at_s in enumerate(DAYS)
        for metric, n in ((Metric.IMPRESSION, 100), (Metric.CLICK, 3), (Metric.MEASURABLE, 80), (Metric.VIEWABLE, 60))
    ]
    cells += [
        a_cell(Metric.EMPTY, quarter_s=DAYS[1], flight=0, creative=0, version=0, reason="no_match", n=31),
        a_cell(Metric.FILL, quarter_s=DAYS[1], tier=3, reason="all_capped", n=12),
        a_cell(Metric.CAPPED, quarter_s=DAYS[1], creative=0, version=0, reason="flight/1d", n=9),
    ]
    cells += [
        a_cell(Metric.INVALID_CLICK, quarter_s=DAYS[1], flight=0, creative=0, reason="bot", version=n + 1)
        for n in range(VERSIONS)
    ]
    database = sa.create_engine(f"sqlite:///{engine.folder / 'var' / 'adengine.sqlite3'}")
    with database.begin() as connection:
        connection.execute(sa.insert(rollup).values(adjustment=77), cells)
    SPARE.extend(eventually(lambda: of_campaign(engine)) for _ in WIDTHS)
    etag = engine.get("/v1/flights/flt_1", "manage")[2]["ETag"]
    until = datetime.fromtimestamp(NOW_S + 10 * DAY_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    goal = {"goal": {"impressions": 100_000}, "ends_at": until}
    status, said, _ = engine.call("PATCH", "/v1/flights/flt_1", goal, "manage", **{"If-Match": etag})
    assert status == 200, said
    yield engine
    engine.stop()


def of_campaign(engine: Engine) -> str | None:
    """The address of an impression of the campaign."""
    fill = shown(engine, secrets.token_hex(4))
    return str(fill["impression_url"]) if is_sponsor(fill) and fill["creative"]["campaign"] == "cmp_1" else None


@pytest.fixture(params=WIDTHS)
def page(engine: Engine, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": request.param, "height": 900}, timezone_id="America/Chicago")
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    width = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert [text for text in problems if "422" not in text and "403" not in text] == []
    assert width <= request.param, "the page scrolls sideways"
