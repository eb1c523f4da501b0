"""The pages about gaps in a real browser: why slots are empty, and a third party's counts beside ours."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FileChooser, Page

from tests.eventually import eventually
from tests.live.engine import Engine
from tests.live.reports.steps import DAYS, LIVE_WITHIN_S, focused, key_typed, opened, said, shown_rows

pytestmark = pytest.mark.alone


def days() -> list[str]:
    return sorted(datetime.fromtimestamp(at_s, UTC).date().isoformat() for at_s in DAYS)


def has_no_violation(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def tiles(page: Page) -> dict[str, str]:
    parts = page.locator("#tiles > div").all()
    return {part.locator("dt").inner_text(): part.locator("dd").inner_text() for part in parts}


def test_a_report_over_events_is_chosen_in_the_builder(engine: Engine, page: Page) -> None:
    """They have what this engine has counted itself, and not the days that were written into the sums."""
    opened(engine, page, "/reports#group_by=flight&metrics=requests,impressions")
    said(page, "All events up to")
    sums = shown_rows(page)
    page.get_by_label("Counted from").select_option(label="the events, one by one")
    page.get_by_role("button", name="Show the report").click()
    eventually(lambda: "Events as the machine" in page.locator("#definitions").inner_text(), within_s=LIVE_WITHIN_S)
    query = page.url.partition("#")[2]
    assert "source=events" in query
    told = json.loads(engine.get(f"/v1/reports/delivery?{query}", "manage")[1])["rows"]
    shown = shown_rows(page)
    assert [row[1].replace(",", "") for row in shown] == [str(row["requests"]) for row in told]
    assert shown != sums and shown
    has_no_violation(page)
    page.reload()
    eventually(lambda: shown_rows(page) == shown, within_s=LIVE_WITHIN_S)
    assert page.get_by_label("Counted from").input_value() == "events"


def test_why_slots_are_empty_is_told_in_sentences(engine: Engine, page: Page) -> None:
    opened(engine, page, "/reports/why-empty")
    said(page, "All events up to")
    told = why_empty(engine, page)
    assert tiles(page)["without a sponsor"] == f"{told['unsold']:,}" and told["unsold"] > 0
    reasons = [each for slot in told["slots"] for each in slot["reasons"]]
    rows = shown_rows(page, "#slots")
    assert [row[2].replace(" ", "_") for row in rows] == [each["reason"] for each in reasons]
    assert {"no_match", "all_capped"} <= {each["reason"] for each in reasons}
    assert [row[3:] for row in shown_rows(page, "#caps")] == [[str(cap["refused"])] for cap in told["caps"]] != []
    assert [row[6:] for row in rows] == [[each["sentence"], each["remedy"]] for each in reasons]
    assert page.locator("#slots th[scope=col]").count() == 8 and page.locator("#slots caption").count() == 1
    has_no_violation(page)
    page.get_by_role("button", name="Add a filter").press("Enter")
    page.get_by_label("Dimension").select_option("slot")
    page.get_by_label("is", exact=True).fill("slot_999")
    page.get_by_role("button", name="Show why").click()
    eventually(lambda: tiles(page)["slots asked for"] == "0", within_s=LIVE_WITHIN_S)
    assert shown_rows(page, "#slots") == [["No slot was asked for."]]
    again = page.url
    page.goto("about:blank")
    page.goto(again)
    eventually(lambda: tiles(page).get("slots asked for") == "0", within_s=LIVE_WITHIN_S)
    page.get_by_label("is", exact=True).fill("nothing such")
    page.get_by_role("button", name="Show why").press("Enter")
    said(page, "?filter")


def why_empty(engine: Engine, page: Page) -> Any:
    return json.loads(engine.get(f"/v1/reports/why-empty?{page.url.partition('#')[2]}", "manage")[1])


def test_a_key_that_may_not_know_why_is_told_so(engine: Engine, page: Page) -> None:
    opened(engine, page, "/reports/why-empty", "advertise")
    eventually(lambda: page.locator("#status.wrong").count() == 1, within_s=LIVE_WITHIN_S)


def test_the_keyboard_is_enough_to_see_why(engine: Engine, page: Page) -> None:
    page.goto(engine.url + "/reports/why-empty")
    key_typed(engine, page)
    said(page, "All events up to")
    focused(page, "#asked button[type=submit]")
    page.keyboard.press("Enter")
    focused(page, "#slots")
    focused(page, "#caps")


THEIRS = 1000


def a_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "theirs.csv"
    path.write_text(text)
    return path


def compared(page: Page, path: Path) -> None:
    page.get_by_label("Their file").set_input_files(path)
    page.get_by_label("Zone of their days").fill("UTC")
    page.get_by_role("button", name="Compare").click()


def test_a_gap_is_split_into_its_causes(engine: Engine, page: Page, tmp_path: Path) -> None:
    text = "day,campaign,impressions,clicks\n" + "".join(f"{day},cmp_1,{THEIRS},1\n" for day in days()[:3])
    opened(engine, page, "/reports/reconcile")
    said(page, "Choose a file.")
    compared(page, a_file(tmp_path, text))
    said(page, "All events up to")
    report = reconciled(engine, text)
    totals = {row[0]: row for row in shown_rows(page, "#totals")}
    assert {count: [int(cell.replace(",", "")) for cell in row[1:4]] for count, row in totals.items()} == {
        count: [each["theirs"], each["ours"], each["gap"]] for count, each in report["totals"].items()
    }
    causes = shown_rows(page, "#causes")
    for count, each in report["totals"].items():
        named = {row[0]: int(row[2].replace(",", "")) for row in causes if row[1] == count}
        assert sum(named.values()) == each["gap"] != 0
    assert all(row[3] for row in causes), "each cause says what it means"
    has_no_violation(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="All rows as CSV").click()
    saved = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text())))
    assert len(saved) == len(report["rows"]) == len(shown_rows(page, "#rows"))
    assert sum(int(row["gap"]) for row in saved) == sum(each["gap"] for each in report["totals"].values())
    gaps = [abs(int(row["gap"])) for row in saved]
    assert gaps == sorted(gaps, reverse=True)


def reconciled(engine: Engine, text: str) -> Any:
    csv_type = {"Content-Type": "text/csv"}
    status, answer, _ = engine.call("POST", "/v1/reports/reconcile?tz=UTC", text.encode(), "manage", **csv_type)
    assert status == 200, answer
    return json.loads(answer)


def test_every_mistake_of_their_file_is_said_with_its_line(engine: Engine, page: Page, tmp_path: Path) -> None:
    opened(engine, page, "/reports/reconcile")
    compared(page, a_file(tmp_path, "day,flight,impressions\n2026-13-01,flt_1,5\n2026-01-01,flt_1,many\n"))
    said(page, "/2/day")
    said(page, "/3/impressions")
    compared(page, a_file(tmp_path, f"day,flight,impressions\n{days()[0]},flt_1,5\n"))
    said(page, "All events up to")
    assert page.locator("#status.wrong").count() == 0


def test_the_keyboard_is_enough_to_compare(engine: Engine, page: Page, tmp_path: Path) -> None:
    page.goto(engine.url + "/reports/reconcile")
    key_typed(engine, page)
    said(page, "Choose a file.")
    focused(page, "input[type=file]")
    choosers: list[FileChooser] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))

    def opens() -> bool:
        """Chromium lets some presses of a key pass without opening it."""
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)
        return bool(choosers)

    eventually(opens, within_s=LIVE_WITHIN_S)
    choosers[0].set_files(a_file(tmp_path, f"day,flight,impressions\n{days()[0]},flt_1,5\n"))
    focused(page, "#asked button[type=submit]")
    page.keyboard.press("Enter")
    said(page, "All events up to")
    focused(page, "#totals")
    focused(page, "#rows")
