"""A slot's HTML."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.texts import render, stylesheet
from adengine.texts.lines import VARIANTS_MAX
from tests.texts.builders import LABEL, some_lines

CLICK, SEEN = "https://ads.example/v1/c/T?a=1&b=2", "https://ads.example/v1/i/T"


class Reader(HTMLParser):
    """The elements, with attributes, and the texts of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def first(self, tag: str) -> dict[str, str | None]:
        return next(attributes for name, attributes in self.elements if name == tag)


def a_slot(label: str = LABEL, *texts: str, lang: str = "en") -> Reader:
    return Reader(render.filled(label, some_lines(*texts), click_url=CLICK, impression_url=SEEN, lang=lang))


def test_the_link_is_marked_as_paid_for_and_leads_to_the_click() -> None:
    link = a_slot().first("a")
    assert link["rel"] == "sponsored nofollow noopener"
    assert link["href"] == CLICK


def test_a_line_of_the_publishers_own_is_not_marked_as_paid_for() -> None:
    html = render.house(LABEL, some_lines(), click_url=CLICK)
    assert "sponsored" not in html and 'class="spn spn-house"' in html


def test_every_line_bears_the_label_and_its_language() -> None:
    html = render.filled(LABEL, some_lines(), click_url=CLICK, lang="en")
    assert html.count("Sponsor: <bdi") == html.count('<bdi lang="en" dir="ltr">') == 5


def test_the_widest_line_comes_first_and_knows_its_place_in_the_creative() -> None:
    shown = [attributes for _, attributes in a_slot().elements if "data-variant" in attributes]
    assert [(line["class"], line["data-variant"]) for line in shown] == [
        ("spn-v spn-0", "2"),
        ("spn-v spn-1", "1"),
        ("spn-v spn-2", "0"),
    ]


def test_a_single_line_is_not_measured() -> None:
    assert "spn-m" not in render.filled(LABEL, some_lines("QWIKET"), click_url=CLICK)


def test_an_impression_is_counted_by_an_image_except_in_a_preview() -> None:
    assert a_slot().first("img")["src"] == SEEN
    assert "<img" not in render.filled(LABEL, some_lines(), click_url=CLICK)


def test_an_empty_slot_keeps_its_place_and_is_silent() -> None:
    slot = Reader(render.empty())
    assert slot.texts == []
    assert slot.first("aside")["aria-hidden"] == "true"
    assert str(slot.first("aside")["class"]).split()[0] == "spn"


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "</bdi></span></a></aside><h1>",
        "<!--",
        "&lt;b&gt; &amp; &#60;",
        "]]>",
        "\x00<svg/onload=alert(1)>",
    ],
)
def test_names_and_lines_stay_text(hostile: str) -> None:
    kinds = {tag for tag, _ in a_slot().elements}
    slot = a_slot(hostile, "QWIKET", hostile, lang=hostile)
    assert {tag for tag, _ in slot.elements} == kinds
    assert slot.first("bdi")["lang"] == hostile
    assert hostile.replace("\x00", "") in "".join(slot.texts).replace("\x00", "").replace("\ufffd", "")


@settings(deadline=None)
@given(st.text(max_size=30), st.lists(st.text(max_size=40), min_size=1, max_size=8), st.text(max_size=10))
def test_no_text_adds_an_element_or_a_handler(label: str, texts: list[str], lang: str) -> None:
    slot = a_slot(label, *texts, lang=lang)
    assert {tag for tag, _ in slot.elements} <= {"aside", "a", "span", "bdi", "img"}
    assert not [
        name for _, attributes in slot.elements for name in attributes if name == "style" or name.startswith("on")
    ]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", " https://a.example", "", "ads.example"])
def test_a_link_that_is_none_is_never_written(url: str) -> None:
    with pytest.raises(ValueError, match="not a link"):
        render.filled(LABEL, some_lines(), click_url=url)
    with pytest.raises(ValueError, match="not a link"):
        render.filled(LABEL, some_lines(), click_url=CLICK, impression_url=url)


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("en", "ltr"),
        ("he", "rtl"),
        ("AR-EG", "rtl"),
        ("az-Arab-IR", "rtl"),
        ("az", "ltr"),
        ("ks-Deva", "ltr"),
        ("", "auto"),
    ],
)
def test_direction_follows_the_script_then_the_language(lang: str, expected: str) -> None:
    assert render.direction(lang) == expected


def test_the_stylesheet_has_a_rule_for_every_line_a_creative_may_have() -> None:
    css = stylesheet().decode()
    assert [int(rank) for rank in re.findall(r"\.spn-q \.spn-(\d+)\{", css)] == list(range(VARIANTS_MAX))


def test_the_stylesheet_loads_nothing() -> None:
    assert not re.search(rb"url\(|@import|@font-face|expression", stylesheet())
