"""The report pages in a real browser: what they show is what the API says, live, at every width, by keyboard too."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from adengine.reporting.tables import saved_report
from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.reports.steps import (
    DAYS,
    LIVE_WITHIN_S,
    NOW_S,
    SPARE,
    VERSIONS,
    focused,
    key_typed,
    opened,
    said,
    shown_rows,
)

pytestmark = pytest.mark.alone


def asked(engine: Engine, query: str) -> Any:
    return json.loads(engine.get(f"/v1/reports/delivery?{query}", "manage")[1])


def test_a_report_is_built_shown_drawn_and_shared(engine: Engine, page: Page) -> None:
    opened(engine, page, "/reports")
    said(page, "All events up to")
    page.get_by_label("Group by").select_option("day")
    page.get_by_label("clicks", exact=True).check()
    page.get_by_role("button", name="Add a filter").press("Enter")
    page.get_by_label("Dimension").select_option("campaign")
    page.get_by_label("is", exact=True).fill("cmp_1")
    page.get_by_role("button", name="Show the report").click()
    eventually(lambda: "campaign%3Acmp_1" in page.url and len(shown_rows(page)) == len(DAYS), within_s=LIVE_WITHIN_S)
    told = asked(engine, page.url.partition("#")[2])
    shown_days = [(row[0], row[1].replace(",", "")) for row in shown_rows(page)]
    assert shown_days == [(row["day"], str(row["impressions"])) for row in told["rows"]]
    assert page.locator("#table tfoot th").inner_text() == "all"
    assert page.locator("#plot canvas").count() == 1
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    again = page.url
    page.goto("about:blank")
    page.goto(again)
    eventually(lambda: [(row[0], row[1].replace(",", "")) for row in shown_rows(page)] == shown_days, LIVE_WITHIN_S)


def test_what_is_shown_can_be_saved_in_every_format(engine: Engine, page: Page, tmp_path: Path) -> None:
    opened(engine, page, "/reports#group_by=day&metrics=impressions,ctr&filter=campaign:cmp_1")
    said(page, "All events up to")
    for name in ("CSV", "NDJSON", "PARQUET"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=True).click()
        assert download.value.suggested_filename == f"delivery.{name.lower()}"
        download.value.save_as(tmp_path / name)
    with (tmp_path / "CSV").open(newline="") as file:
        saved = list(csv.DictReader(file))
    assert [row["day"] for row in saved] == [row[0] for row in shown_rows(page)] and len(saved) >= len(DAYS)
    assert [json.loads(line)["day"] for line in (tmp_path / "NDJSON").read_text().splitlines()] == [
        row["day"] for row in saved
    ]
    assert (tmp_path / "PARQUET").read_bytes()[:4] == b"PAR1"


def test_a_large_report_is_made_in_the_background_and_watched(engine: Engine, page: Page, tmp_path: Path) -> None:
    opened(engine, page, "/reports#group_by=day&metrics=impressions&filter=campaign:cmp_1")
    said(page, "All events up to")
    page.get_by_role("button", name="Make it in the background").click()
    eventually(lambda: "kept until" in page.locator("#making-status").inner_text(), within_s=2 * LIVE_WITHIN_S)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV of what was made").click()
    download.value.save_as(tmp_path / "made.csv")
    with (tmp_path / "made.csv").open(newline="") as file:
        made = list(csv.DictReader(file))
    assert [row["day"] for row in made] == [row[0] for row in shown_rows(page)] and len(made) >= len(DAYS)


def test_the_keyboard_is_enough(engine: Engine, page: Page) -> None:
    """From the first key to the table: skip link, key, a select, a checkbox, the button, and the table to scroll."""
    page.goto(engine.url + "/reports#group_by=day&metrics=impressions&filter=campaign:cmp_1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    key_typed(engine, page)
    said(page, "All events up to")
    focused(page, "select[name=group_by]")
    page.keyboard.type("flight")
    focused(page, "input[value=clicks]")
    page.keyboard.press("Space")
    focused(page, "button[type=submit]:not(#access *)")
    page.keyboard.press("Enter")
    eventually(lambda: [row[:1] for row in shown_rows(page)] == [["flt_1"]], within_s=LIVE_WITHIN_S)
    assert page.locator("#table thead").inner_text().split() == ["flight", "impressions", "clicks"]
    focused(page, "#table")


def test_every_mistake_is_said_and_a_filter_can_be_taken_away(engine: Engine, page: Page) -> None:
    opened(engine, page, "/reports#tz=Nowhere/Land&filter=flight:none&group_by=day&metrics=impressions")
    said(page, "Nowhere/Land")
    said(page, "?filter")
    page.get_by_role("button", name="Remove").click()
    page.get_by_label("Time zone").fill("UTC")
    page.get_by_role("button", name="Show the report").click()
    said(page, "All events up to")


def test_a_key_without_the_scope_is_told_so(engine: Engine, page: Page) -> None:
    opened(engine, page, "/reports", "fill")
    eventually(lambda: page.locator("#status.wrong").count() == 1, within_s=LIVE_WITHIN_S)
    assert engine.keys["fill"] not in page.url + page.locator("body").inner_text()


def tile(page: Page, name: str) -> int:
    text = page.locator("#tiles > div", has_text=name).locator("dd").first.inner_text()
    return int(text.replace(",", ""))


def test_a_campaigns_page_shows_everything_and_goes_on_by_itself(engine: Engine, page: Page) -> None:
    opened(engine, page, "/reports/campaign")
    said(page, "All events up to")
    assert "QWIKET" in page.locator("h1").inner_text()
    totals = asked(engine, "metrics=impressions&filter=campaign:cmp_1")["totals"]
    eventually(lambda: tile(page, "impressions") >= totals["impressions"] > 1000, within_s=LIVE_WITHIN_S)
    for place in ("#by-day", "#by-hour", "#by-variant", "#by-place", "#by-topic", "#schedules"):
        eventually(lambda place=place: page.locator(f"{place} table").count() >= 1, within_s=LIVE_WITHIN_S)
    eventually(lambda: page.locator("#by-day canvas, #schedules canvas").count() == 2, within_s=LIVE_WITHIN_S)
    assert (
        "flt_1" in page.locator("#schedules h3").inner_text()
        and "100,000" in page.locator("#schedules h3").inner_text()
    )
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    for title in ("By day", "By hour, the last two days", "By line", "By place", "By topic"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"CSV: {title}").click()
        rows = list(csv.DictReader(Path(download.value.path()).open(newline="")))  # noqa: SIM115
        assert rows and all(int(row["impressions"]) >= 0 for row in rows), title
    before = tile(page, "impressions")
    engine.call("POST", SPARE.pop())
    eventually(lambda: tile(page, "impressions") == before + 1, within_s=LIVE_WITHIN_S)


def arrived(page: Page, name: str) -> bool:
    """Whether the page says so, asked again."""
    page.get_by_role("button", name=f"What was sent: {name}").click()
    page.wait_for_timeout(200)
    return "arrived at" in page.locator("#saved").inner_text()


def test_a_report_is_saved_sent_shared_and_forgotten(engine: Engine, page: Page, browser: Browser) -> None:
    opened(engine, page, "/reports#period=today&group_by=flight&metrics=impressions&filter=campaign:cmp_1", "report")
    said(page, "All events up to")
    name = f"Every flight {page.viewport_size}"
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Send it").select_option("day")
    page.get_by_role("button", name="Save this report").click()
    eventually(lambda: f"{name} is saved" in page.locator("#saved-status").inner_text(), LIVE_WITHIN_S)
    database = sa.create_engine(f"sqlite:///{engine.folder / 'var' / 'adengine.sqlite3'}")
    folder = engine.folder / "var" / "reports"
    here = len(list(folder.glob("rpt_*.csv")))
    with database.begin() as connection:
        connection.execute(sa.update(saved_report).where(saved_report.c.name == name).values(next_at_s=NOW_S))
    eventually(lambda: len(list(folder.glob("rpt_*.csv"))) > here, LIVE_WITHIN_S)
    assert all("flt_1" in file.read_text() for file in folder.glob("rpt_*.csv"))
    eventually(lambda: arrived(page, name), LIVE_WITHIN_S)
    page.get_by_role("button", name=f"Share: {name}").click()
    address = page.locator("#saved a").get_attribute("href", timeout=LIVE_WITHIN_S * 1000) or ""
    stranger = browser.new_page()
    stranger.goto(address)
    eventually(lambda: any("flt_1" in row for row in shown_rows(stranger)), LIVE_WITHIN_S)
    for looked_at in (page, stranger):
        found = Axe().run(looked_at)
        assert found.violations_count == 0, found.generate_report()
    with stranger.expect_download() as download:
        stranger.get_by_role("button", name="CSV", exact=True).click()
    assert "flt_1" in Path(download.value.path()).read_text()
    page.get_by_label("Group by").select_option("slot")
    page.get_by_role("button", name=f"Open: {name}").click()
    eventually(lambda: any("flt_1" in row for row in shown_rows(page)), LIVE_WITHIN_S)
    page.get_by_role("button", name="Take it back").click()
    eventually(lambda: "opens nothing" in page.locator("#saved").inner_text(), LIVE_WITHIN_S)
    stranger.reload()
    said(stranger, "taken back, or has expired")
    stranger.close()
    page.get_by_role("button", name=f"Forget: {name}").click()
    eventually(lambda: name not in page.locator("#saved").inner_text(), LIVE_WITHIN_S)


def test_a_long_shared_report_goes_on_below(engine: Engine, page: Page) -> None:
    """By keyboard too: behind the last rows, where the button is gone, the table has the focus."""
    query = {"period": "last_7_days", "group_by": "version", "metrics": "invalid_clicks", "filter": ["reason:bot"]}
    made = json.loads(engine.call("POST", "/v1/reports/saved", {"name": "Long", "query": query}, "report")[1])
    link = json.loads(engine.call("POST", f"/v1/reports/saved/{made['id']}/links", {}, "report")[1])
    page.goto(link["url"])
    for shown in ("500 rows, and there are more", "1,000 rows, and there are more"):
        said(page, shown)
        page.get_by_role("button", name="More rows").press("Enter")
    said(page, f"{VERSIONS:,} rows. All events up to")
    assert page.get_by_role("button", name="More rows").count() == 0
    assert page.evaluate("document.activeElement.id") == "table"
    columns = page.evaluate("[...document.querySelectorAll('#table tbody th')].map((cell) => cell.textContent)")
    assert columns == [f"{n + 1:,}" for n in range(VERSIONS)]
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_report_is_made_in_the_background(engine: Engine) -> None:
    query = {"period": "last_30_days", "group_by": "day", "metrics": "impressions"}
    status, made, _ = engine.call("POST", "/v1/reports/jobs", {"query": query}, "report")
    assert status == 202, made
    path = f"/v1/reports/jobs/{json.loads(made)['id']}"
    eventually(lambda: json.loads(engine.get(path, "report")[1])["status"] == "done", LIVE_WITHIN_S)
    assert len(json.loads(engine.get(f"{path}/rows", "report")[1])["rows"]) >= len(DAYS) - 1
