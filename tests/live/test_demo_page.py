"""The page this project was born from, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.eventually import eventually
from tests.live.engine import BROWSER, Engine
from tests.live.pages import delivered, settled

pytestmark = pytest.mark.alone

CAP = 3
QWIKET = "/demo?place=Remer%2CMN&topic=fantasy-sports"
LINES = (
    "Sponsor: QWIKET",
    "Sponsor: QWIKET: Elevate your fantasy game! Interactive Sports Knowledge.",
    "Sponsor: QWIKET: Elevate your fantasy game! Interactive Sports Knowledge and Reasoning Support for Fantasy Sports "
    "and Betting Enthusiasts.",
)
SHIFTS = """() => { window.shifted = 0; new PerformanceObserver(list => {
    for (const entry of list.getEntries()) for (const source of entry.sources)
        if (source.node && document.querySelector('.strip').contains(source.node)) window.shifted += entry.value;
}).observe({type: 'layout-shift', buffered: true}); }"""
LINE = """() => { const slot = document.querySelector('.spn'); const box = slot.getBoundingClientRect();
    return {text: slot.innerText.trim(), top: box.top, height: box.height,
            page: document.documentElement.scrollWidth}; }"""


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, user_agent=BROWSER)
    yield context
    context.close()


@pytest.fixture
def page(demo: Engine, context: BrowserContext) -> Iterator[Page]:
    context.clear_cookies()
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(demo.url + QWIKET)
    yield page
    page.close()
    assert problems == [], "the browser complained (a blocked style, a missing file, a script)"


def test_the_header_shows_date_place_sponsor_back_and_topic(page: Page) -> None:
    header = page.locator(".strip").inner_text()
    assert "Remer,MN" in header and " | 0 | " in header and "back" in header and "Fantasy Sports" in header
    assert page.locator(".spn").inner_text().strip() == LINES[2]


def test_dragging_the_window_shows_every_line_and_moves_nothing(page: Page) -> None:
    page.evaluate(SHIFTS)
    seen, places = [], set()
    for width in range(1400, 319, -9):
        page.set_viewport_size({"width": width, "height": 900})
        line = page.evaluate(LINE)
        assert line["text"] in LINES, (width, line)
        assert line["page"] <= width, f"the page scrolls sideways at {width} px"
        seen.append(LINES.index(line["text"]))
        places.add((line["top"], line["height"]))
    assert sorted(seen, reverse=True) == seen, "a narrower window showed a longer line"
    assert set(seen) == {0, 1, 2}
    assert len(places) == 1, f"the slot moved: {places}"
    assert page.evaluate("window.shifted") == 0


def test_another_place_or_topic_changes_the_fill(demo: Engine, page: Page) -> None:
    here = page.locator(".spn").inner_text()
    page.goto(demo.url + "/demo?place=Duluth%2CMN&topic=gardening")
    elsewhere = page.locator(".spn").inner_text()
    page.goto(demo.url + "/demo?place=Lisbon%2CPT&topic=politics")
    abroad = page.locator(".spn").inner_text()
    assert here != elsewhere and here != abroad


def test_reloading_beyond_the_cap_shows_the_house_line_and_says_why(page: Page) -> None:
    for _ in range(CAP - 1):
        page.reload()
        assert "QWIKET" in page.locator(".spn").inner_text()
    page.reload()
    assert "QWIKET" not in page.locator(".spn").inner_text()
    assert page.locator(".spn").inner_text().strip() != ""
    said = page.locator(".bench").inner_text()
    assert "house line" in said.lower() and "3" in said and "cap" in said.lower()


def test_a_shown_line_is_counted_by_itself_without_scripts(demo: Engine, browser: Browser) -> None:
    before = settled(demo)["impressions"]
    plain = browser.new_context(java_script_enabled=False, user_agent=BROWSER)
    plain.new_page().goto(demo.url + QWIKET)
    eventually(lambda: delivered(demo)["impressions"] == before + 1, within_s=10)
    plain.close()


def test_the_width_slider_narrows_the_page(page: Page) -> None:
    page.locator("#width").fill("330")
    assert page.locator("#page").bounding_box()["width"] == 330  # type: ignore[index]
    assert page.locator(".spn").inner_text().strip() == LINES[0]
    assert page.locator("#width-shown").inner_text() == "330 px"


def test_a_strange_place_is_shown_as_text_and_explained(demo: Engine, page: Page) -> None:
    page.goto(demo.url + "/demo?place=%3Cscript%3Ealert(1)%3C%2Fscript%3E&topic=no-such-topic")
    assert page.locator("script:not([src])").count() == 0
    assert "no place" in page.locator(".bench").inner_text().lower()
