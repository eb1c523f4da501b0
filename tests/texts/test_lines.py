"""What the lines of a creative must be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.errors import Mistake
from adengine.texts import check_label, check_variants, measure
from adengine.texts.lines import BYTES_MAX, VARIANTS_MAX
from tests.texts.builders import BRAND, LONG, SHORT, some_variants


def pointers(mistakes: list[Mistake]) -> list[str]:
    return [mistake.pointer for mistake in mistakes]


def refused(*variants: tuple[str, str]) -> list[Mistake]:
    return check_variants(list(variants))[0]


def remarked(*variants: tuple[str, str], locale: str = "en") -> list[Mistake]:
    mistakes, remarks = check_variants(list(variants), locale=locale)
    assert mistakes == []
    return remarks


def test_the_lines_of_the_first_sponsor_are_sound_and_unremarkable() -> None:
    assert check_variants(some_variants(), locale="en") == ([], [])


def test_all_mistakes_of_all_lines_come_at_once() -> None:
    mistakes = refused(("Brand!", "a\x00"), ("short", SHORT), ("short", BRAND), ("long", "x" * 141))
    assert pointers(mistakes) == [
        "/variants/0/role",
        "/variants/2/role",
        "/variants/0/text",
        "/variants/3/text",
        "/variants/2/text",
    ]


@pytest.mark.parametrize("count", [0, VARIANTS_MAX + 1])
def test_a_creative_has_between_one_and_eight_lines(count: int) -> None:
    assert "/variants" in pointers(refused(*[(f"r{n}", "x" * (n + 1)) for n in range(count)]))


def test_the_first_role_is_brand_and_no_other_is() -> None:
    assert pointers(refused(("short", "Q"), ("brand", BRAND))) == ["/variants/0/role", "/variants/1/role"]


def test_further_roles_may_have_any_plain_name() -> None:
    assert refused(("brand", BRAND), ("extra-long_2", LONG)) == []


@pytest.mark.parametrize("role", ["", "Brand", "a b", "ä", "x" * 33, "1st", "short\n", "<b>"])
def test_a_strange_role_is_refused(role: str) -> None:
    assert pointers(refused(("brand", BRAND), (role, SHORT))) == ["/variants/1/role"]


def test_each_line_must_be_wider_than_the_one_before() -> None:
    assert pointers(refused(("brand", BRAND), ("short", LONG[:80]), ("long", SHORT))) == ["/variants/2/text"]
    assert pointers(refused(("brand", BRAND), ("short", BRAND))) == ["/variants/1/text"]


def test_wider_counts_in_every_class_of_fonts_not_in_letters() -> None:
    narrow, wide = "Miami, MMM", "Illicit, ill"
    assert len(wide) > len(narrow)
    assert pointers(refused(("brand", narrow), ("short", wide))) == ["/variants/1/text"]


@pytest.mark.parametrize(("role", "most"), [("brand", 25), ("short", 90), ("long", 140), ("any-other", 140)])
def test_each_role_has_its_longest_length(role: str, most: int) -> None:
    def lengths(n: int) -> list[Mistake]:
        text = ("abcdefghi " * 20)[: n - 1] + "x"
        return refused(("brand", text)) if role == "brand" else refused(("brand", "a"), (role, text))

    assert lengths(most) == []
    assert f"at most {most}" in lengths(most + 1)[0].detail


def test_wide_characters_fill_two_cells() -> None:
    assert refused(("brand", "漢" * 12)) == []
    assert "cells" in refused(("brand", "漢" * 13))[0].detail


def test_a_family_of_code_points_is_one_character() -> None:
    assert measure("e\u0301").chars == 1
    assert measure("กำ").chars == 1


def test_a_huge_text_is_refused_by_its_bytes_alone() -> None:
    (mistake,) = refused(("brand", "a\x00" * BYTES_MAX))
    assert "bytes" in mistake.detail


@pytest.mark.parametrize("text", ["", " ", "!!!", "\u200b\u200b", "—"])
def test_a_line_without_a_letter_or_digit_is_refused(text: str) -> None:
    assert any("letter or digit" in mistake.detail for mistake in refused(("brand", text)))


@pytest.mark.parametrize("text", ["4711", "1&1", "7-Eleven", "Ö", "漢"])
def test_names_of_digits_or_one_letter_are_accepted(text: str) -> None:
    assert refused(("brand", text)) == []


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=a()>', "{{7*7}} ${x}", "' OR 1=1 --", "=cmd|' /C calc'!A0"],
)
def test_markup_is_only_text(text: str) -> None:
    assert refused(("brand", text[:25])) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("QWIKET: WIN THE LEAGUE TODAY", "capitals: LEAGUE TODAY"),
        ("QWIKET: what a game!! Join", "punctuation"),
        ("QWIKET: see https://qwiket.example", "address"),
        ("QWIKET: a game 👍 for all", "emoji"),
        ("QWIKET: guaranteed to win today", "claim"),
        ("Elevate your fantasy game now", "does not name the brand"),
        ("QWIKET \u0430\u0440\u0440\u04cf\u0435 phones", "looks like a Latin word"),
    ],
)
def test_a_reviewer_is_told_of_what_is_allowed_but_odd(text: str, says: str) -> None:
    remarks = remarked(("brand", BRAND), ("short", text))
    assert [remark.pointer for remark in remarks if says in remark.detail] == ["/variants/1/text"]


def test_a_reviewer_is_told_of_a_line_that_adds_nothing() -> None:
    (remark,) = remarked(("brand", "QWIKET Sports"), ("short", "QWIKET Sports."))
    assert "hardly wider" in remark.detail


def test_policy_words_are_those_of_the_creatives_language() -> None:
    line = ("short", "QWIKET: garantiert jeden Tag neu")
    assert any("claim" in remark.detail for remark in remarked(("brand", BRAND), line, locale="de-AT"))
    assert remarked(("brand", BRAND), line, locale="en") == []


def test_the_brands_own_capitals_are_not_shouting() -> None:
    assert remarked(("brand", "NASDAQ"), ("short", "NASDAQ: markets every morning")) == []


def test_a_label_is_checked_like_a_line_and_may_be_empty() -> None:
    assert check_label("") == check_label("Sponsor") == check_label("赞助") == []
    assert pointers(check_label("Spon\u202esor" + "x" * 30)) == ["/label", "/label"]


TEXTS = st.one_of(st.text(max_size=60), st.text(st.characters(categories=["L", "M", "P", "Zs"]), max_size=60))


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=10), TEXTS), max_size=9))
def test_no_lines_crash_the_check_and_every_pointer_leads_to_one(variants: list[tuple[str, str]]) -> None:
    mistakes, remarks = check_variants(variants)
    for found in (*mistakes, *remarks):
        _, where, *rest = found.pointer.split("/")
        assert where == "variants"
        assert not rest or (int(rest[0]) < len(variants) and rest[1] in {"role", "text"})
        assert found.detail


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a\x00b", "x\u202ey", "\u200bz", "  a", "ok"]), min_size=2, max_size=8))
def test_every_faulty_line_has_its_own_mistake(texts: list[str]) -> None:
    variants = [("brand" if n == 0 else f"r{n}", text) for n, text in enumerate(texts)]
    found = set(pointers(check_variants(variants)[0]))
    assert {f"/variants/{n}/text" for n, text in enumerate(texts) if text != "ok"} <= found
