"""What tests of the report pages share: which days are counted, and what is done on a page."""

from __future__ import annotations

import time

from playwright.sync_api import Page

from tests.eventually import eventually
from tests.live.engine import Engine

DAY_S = 86_400
NOW_S = int(time.time())
DAYS = [NOW_S - NOW_S % 900 - day * DAY_S for day in range(5)]
WIDTHS = (360, 1280)
VERSIONS = 1100
"""Rows of a report of invalid clicks by version: more than two pages of a shared one."""
SPARE: list[str] = []
"""Impressions of the campaign that no browser has reported yet, from before it had a goal."""
LIVE_WITHIN_S = 15
"""The bar is five seconds; the machine has other work."""


def opened(engine: Engine, page: Page, path: str, key: str = "manage") -> None:
    page.goto(engine.url + path)
    page.get_by_label("API key").fill(engine.keys[key])
    page.get_by_role("button", name="Use this key").click()


def said(page: Page, text: str) -> None:
    eventually(lambda: text in page.locator("#status").inner_text(), within_s=LIVE_WITHIN_S)


def shown_rows(page: Page, place: str = "#table") -> list[list[str]]:
    rows = page.locator(f"{place} tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]


def focused(page: Page, selector: str, presses_max: int = 60) -> None:
    """Presses Tab until it is there, always on something that can be seen."""
    for _ in range(presses_max):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never comes to {selector}")


def key_typed(engine: Engine, page: Page) -> None:
    """As `opened` gives it, by keyboard alone."""
    focused(page, "#key")
    page.keyboard.type(engine.keys["manage"])
    page.keyboard.press("Enter")
