"""The browser shows the longest line that fits: nothing is cut off, nothing moves, and there is always one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from adengine.texts import font_class, longest_that_fits, measure, render
from tests.browser.conftest import Paper
from tests.eventually import eventually
from tests.texts.builders import BRAND, LABEL, LONG, SHORT, label_em, some_lines, some_sizes

FAMILIES = ("system-ui", "Arial, sans-serif", "Georgia, serif")
SIZES_PX = (13, 16, 20)
WIDTHS_PX = (150, 1300, 7)
PICKS = (Path(__file__).parent / "picks.js").read_text("utf-8")
SHIFT = (Path(__file__).parent / "shift.js").read_text("utf-8")
CLICK = "/v1/c/token"
SIZES, LABEL_EM = some_sizes(), label_em()
Open = Callable[..., Page]


def a_slot(*texts: str, label: str = LABEL, lang: str = "en", impression_url: str | None = None) -> str:
    return render.filled(label, some_lines(*texts), click_url=CLICK, impression_url=impression_url, lang=lang)


def picks(page: Page) -> dict[str, Any]:
    return dict(page.evaluate(PICKS, list(WIDTHS_PX)))


def a_header(paper: Paper, slot: str, css: str = "", **page: str) -> str:
    css = "body{margin:0;font:16px/1.5 Arial} .copy{position:absolute;visibility:hidden;white-space:nowrap}" + css
    return paper.put(
        "/news", f'<header><div id="room">{slot}</div></header><main><h1>News</h1></main>', css=css, **page
    )


def assert_exact(found: dict[str, Any]) -> None:
    assert found["widths"] == 165
    assert (found["wrong"], found["clipped"], found["manyLines"]) == ([], [], [])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size_px", SIZES_PX)
def test_the_longest_line_that_fits_shows_at_every_width(
    paper: Paper, open_page: Open, family: str, size_px: int
) -> None:
    page = open_page(a_header(paper, a_slot(), css=f"body{{font:{size_px}px/1.5 {family}}}"))
    found = picks(page)
    assert_exact(found)
    assert found["heights"] == [max(24, 1.5 * size_px)]


@pytest.mark.parametrize(
    ("case", "css"),
    [
        ("text zoom", "html{font-size:200%} body{font:1rem/1.5 Arial}"),
        ("the reader's text spacing (WCAG 1.4.12)", ".spn{letter-spacing:.12em;word-spacing:.16em}"),
        ("bold links with padding", "header a{font-weight:700;padding:0 9px;text-transform:uppercase}"),
        ("centred text", "body{text-align:center}"),
        ("fractions of pixels", "body{font-size:15.3px;padding-left:.37px}"),
        ("a grid cell", "header{display:grid;grid-template-columns:auto 1fr;column-gap:7px}"),
        ("a flex item", "#room{display:flex} #room .spn{flex:1;min-width:0}"),
        ("page zoom", "html{zoom:1.25}"),
    ],
)
def test_the_pick_is_exact_whatever_the_page_does_to_its_text(
    paper: Paper, open_page: Open, case: str, css: str
) -> None:
    assert_exact(picks(open_page(a_header(paper, a_slot(), css=css))))


HEBREW = ("קוויקט", "קוויקט: חדשות הספורט בכל בוקר", "קוויקט: חדשות הספורט בכל בוקר ובכל ערב, QWIKET לכל האוהדים")
JAPANESE = ("クイケット", "クイケット：毎朝のスポーツニュース", "クイケット：毎朝のスポーツニュースと分析、そのすべて")
THAI = ("ควิกเก็ต", "ควิกเก็ต ข่าวกีฬาทุกเช้า", "ควิกเก็ต ข่าวกีฬาทุกเช้า วิเคราะห์ทุกเย็น สำหรับแฟนกีฬาทุกคน")


@pytest.mark.parametrize(
    ("lang", "label", "texts"), [("he", "פרסומת", HEBREW), ("ja", "提供", JAPANESE), ("th", "โฆษณา", THAI)]
)
def test_the_pick_is_exact_in_scripts_that_no_shipped_font_has(
    paper: Paper, open_page: Open, lang: str, label: str, texts: tuple[str, ...]
) -> None:
    html = a_header(paper, a_slot(*texts, label=label, lang=lang), css=f"html{{direction:{render.direction(lang)}}}")
    found = picks(open_page(html))
    assert_exact(found)


def test_eight_lines_are_told_apart(paper: Paper, open_page: Open) -> None:
    texts = [LONG[: 6 + 16 * n].strip() for n in range(8)]
    page = open_page(a_header(paper, a_slot(*texts)))
    found = picks(page)
    assert_exact(found)


def test_a_translated_page_still_shows_the_longest_that_fits(paper: Paper, open_page: Open) -> None:
    page = open_page(a_header(paper, a_slot()))
    page.evaluate("document.querySelectorAll('bdi').forEach(line => line.textContent += ' und noch zwei Worte')")
    assert_exact(picks(page))


def test_a_font_that_arrives_late_changes_the_pick_and_cuts_nothing_off(paper: Paper, open_page: Open) -> None:
    page = open_page(a_header(paper, a_slot(), css="#room{inline-size:560px} .late{font-family:'DejaVu Sans'}"))
    assert page.inner_text("#room").strip() == f"{LABEL}: {SHORT}"
    page.evaluate("document.body.className = 'late'")
    assert page.inner_text("#room").strip() == f"{LABEL}: {BRAND}"
    assert_exact(picks(page))


def test_below_the_brands_width_the_brand_stays_on_its_line_and_inside_the_slot(paper: Paper, open_page: Open) -> None:
    page = open_page(a_header(paper, a_slot()), width=100)
    assert page.inner_text("#room").strip() == f"{LABEL}: {BRAND}"
    assert page.evaluate("document.documentElement.scrollWidth") == 100
    assert page.locator(".spn").bounding_box()["height"] == 24
    assert page.locator(".spn-v:visible").bounding_box()["height"] == 24


def test_without_container_queries_the_narrowest_line_shows(paper: Paper, open_page: Open) -> None:
    page = open_page(a_header(paper, a_slot(), css="#room{inline-size:900px}"))
    page.evaluate(
        """() => { for (const sheet of document.styleSheets)
          for (let n = sheet.cssRules.length - 1; n >= 0; n--)
            if (sheet.cssRules[n] instanceof CSSContainerRule) sheet.deleteRule(n) }"""
    )
    assert page.inner_text("#room").strip() == f"{LABEL}: {BRAND}"


def test_the_servers_choice_is_never_cut_off_either(paper: Paper, open_page: Open) -> None:
    fonts = [(family, size_px) for family in FAMILIES for size_px in SIZES_PX]
    css = "".join(
        f".f{n} span{{font:{size_px}px {family};white-space:nowrap}}" for n, (family, size_px) in enumerate(fonts)
    )
    texts = "".join(f"<p><span>{LABEL}: {text}</span></p>" for text in (BRAND, SHORT, LONG))
    page = open_page(paper.put("/copies", "".join(f'<div class="f{n}">{texts}</div>' for n in range(9)), css=css))
    natural = page.evaluate("[...document.querySelectorAll('span')].map(line => line.getBoundingClientRect().width)")
    for n, (family, size_px) in enumerate(fonts):
        for width in range(*WIDTHS_PX):
            index = server_choice(family, size_px, width)
            assert index is None or natural[3 * n + index] <= width


def server_choice(family: str, size_px: int, width_px: int) -> int | None:
    font = font_class(family)
    return longest_that_fits(SIZES, label=LABEL, label_em=LABEL_EM, font=font, font_px=size_px, max_width_px=width_px)


def test_measured_widths_are_the_browsers(paper: Paper, open_page: Open) -> None:
    page = open_page(
        paper.put("/copies", f'<span class="copy">{LONG}</span>', css=".copy{font:16px Arial;white-space:nowrap}")
    )
    width = page.locator(".copy").bounding_box()["width"]
    assert measure(LONG).width_em["arial"] * 16 == pytest.approx(width, abs=0.05)


ARTICLE = "<p>Article.</p>" * 30


@pytest.mark.parametrize("html", [a_slot(), render.house("", some_lines(), click_url=CLICK), render.empty()])
def test_a_fill_into_a_reserved_slot_shifts_nothing(paper: Paper, open_page: Open, html: str) -> None:
    body = f'<template>{html}</template><header><div class="spn"></div></header><main><h1>News</h1>{ARTICLE}</main>'
    page = open_page(paper.put("/shift", body, css="body{margin:0}"), width=390, height=844)
    assert page.evaluate(SHIFT) == 0
    assert page.locator(".spn").bounding_box()["height"] == 24


def test_a_line_that_nothing_was_reserved_for_does_shift_the_page(paper: Paper, open_page: Open) -> None:
    body = f'<template>{a_slot()}</template><header><div class="bare"></div></header><main>{ARTICLE}</main>'
    page = open_page(paper.put("/shift", body, css="body{margin:0}"), width=390, height=844)
    assert page.evaluate(SHIFT) > 0.01


def announced(text: str) -> str:
    return f"""- note "{LABEL}":\n  - 'link "{LABEL}: {text}"'"""


def test_assistive_technology_meets_one_link_with_the_line_that_is_seen(paper: Paper, open_page: Open) -> None:
    page = open_page(a_header(paper, a_slot(), css="#room{inline-size:560px}"))
    expect(page.locator("#room")).to_match_aria_snapshot(announced(SHORT))
    page.evaluate("document.getElementById('room').style.inlineSize = '200px'")
    expect(page.locator("#room")).to_match_aria_snapshot(announced(BRAND))


def test_axe_finds_nothing_on_filled_house_and_empty_slots(paper: Paper, open_page: Open) -> None:
    slots = a_slot(impression_url="/v1/i/t") + render.house("", some_lines(), click_url=CLICK) + render.empty()
    page = open_page(a_header(paper, slots))
    assert Axe().run(page).violations_count == 0


def test_the_line_can_be_reached_and_seen_by_keyboard_inside_its_box(paper: Paper, open_page: Open) -> None:
    page = open_page(a_header(paper, a_slot()))
    page.keyboard.press("Tab")
    link = page.locator(".spn-a:focus-visible")
    expect(link).to_have_css("outline-style", "solid")
    expect(link).to_have_css("outline-offset", "-2px")
    page.keyboard.press("Enter")
    eventually(lambda: CLICK in paper.asked)


def test_a_click_counts_on_the_line_and_not_beside_it(paper: Paper, open_page: Open) -> None:
    page = open_page(a_header(paper, a_slot("QWIKET")))
    assert page.evaluate("document.elementFromPoint(60, 22).closest('a') !== null")
    assert page.evaluate("document.elementFromPoint(700, 12).closest('a') === null")
    page.mouse.click(60, 22)
    eventually(lambda: CLICK in paper.asked)


def test_the_smallest_line_is_a_target_of_24_by_24_px(paper: Paper, open_page: Open) -> None:
    page = open_page(a_header(paper, a_slot("I", label="")))
    box = page.locator(".spn-v").bounding_box()
    assert box["width"] >= 24 and box["height"] >= 24


@pytest.mark.parametrize("scripts", [True, False])
def test_an_impression_is_counted_by_its_image_once_without_any_script(
    paper: Paper, open_page: Open, scripts: bool
) -> None:
    open_page(a_header(paper, a_slot(impression_url="/v1/i/token")), scripts=scripts)
    eventually(lambda: "/v1/i/token" in paper.asked)
    assert paper.asked.count("/v1/i/token") == 1


def test_a_strict_content_security_policy_has_nothing_to_refuse(paper: Paper, open_page: Open) -> None:
    said: list[str] = []
    page = open_page(paper.put("/blank", ""))
    page.on("console", lambda message: said.append(message.text))
    page.goto(a_header(paper, a_slot(impression_url="/v1/i/token")))
    eventually(lambda: "/v1/i/token" in paper.asked)
    assert said == []
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=color:red>')")
    eventually(lambda: page.evaluate("1") and said)
