"""How long a text is."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.texts import FONT_CLASSES, font_class, measure
from tests.texts.builders import LONG


def test_widths_are_those_that_chromium_lays_out() -> None:
    # At 16 px Chromium 156 gives the sponsor's long line, label included, these widths in the fonts of each class.
    measured = measure(f"Sponsor: {LONG}").width_em
    assert measured["system-ui"] * 16 == pytest.approx(1153.02, abs=0.02)
    assert measured["arial"] * 16 == pytest.approx(1029.89, abs=0.02)


def test_a_text_is_measured_in_every_class() -> None:
    assert tuple(measure("QWIKET").width_em) == FONT_CLASSES


def test_kerning_is_measured() -> None:
    assert (
        measure("AVAV").width_em["arial"] < 2 * (measure("A").width_em["arial"] + measure("V").width_em["arial"]) - 0.1
    )


def test_label_and_line_may_be_measured_apart() -> None:
    for line in (LONG, "Acme", "Vanilla", "Tea"):
        whole, apart = measure(f"Sponsor: {line}"), (measure("Sponsor: "), measure(line))
        for name in FONT_CLASSES:
            assert whole.width_em[name] == pytest.approx(sum(part.width_em[name] for part in apart), abs=0.06)


def test_letters_without_a_glyph_are_taken_wide_rather_than_narrow() -> None:
    assert measure("漢字").width_em["arial"] == 2.0
    assert measure("👍").width_em["system-ui"] == 1.4
    # 17.45 em in Noto Sans Thai, 33.99 in Noto Sans Tamil.
    assert measure("ผู้สนับสนุน: กาแฟคั่วสดใหม่ทุกวันในเชียงใหม่").width_em["arial"] > 17.45
    assert measure("விளம்பரதாரர்: ஒவ்வொரு நாளும் புதிய செய்திகள் மற்றும் ஆய்வு").width_em["arial"] > 33.99


def test_a_line_that_runs_both_ways_is_as_wide_as_its_parts() -> None:
    both = measure("QWIKET: خبر جديد").width_em["system-ui"]
    parts = measure("QWIKET: ").width_em["system-ui"] + measure("خبر جديد").width_em["system-ui"]
    assert both == pytest.approx(parts, abs=0.01)


def test_characters_are_grapheme_clusters() -> None:
    assert [measure(text).chars for text in ("QWIKET", "e\u0301", "👨\u200d👩\u200d👧", "漢字", "")] == [6, 1, 1, 2, 0]
    assert [measure(text).cells for text in ("QWIKET", "e\u0301", "漢字", "")] == [6, 1, 4, 0]


@settings(deadline=None)
@given(st.text())
def test_anything_can_be_measured(text: str) -> None:
    measured = measure(text)
    assert measured.chars >= 0 and measured.cells >= 0
    assert all(width >= 0 for width in measured.width_em.values())


@pytest.mark.parametrize(
    ("font", "expected"),
    [
        ("system-ui", "system-ui"),
        ("Arial", "arial"),
        ("'Helvetica Neue', Arial, sans-serif", "arial"),
        ('"Times New Roman", serif', "georgia"),
        ("GEORGIA", "georgia"),
        ("ui-monospace", "mono"),
        ("sans-serif", "system-ui"),
        ("Guardian Text Egyptian, Georgia, serif", "system-ui"),
        ("", "system-ui"),
    ],
)
def test_a_slots_font_belongs_to_the_class_of_its_first_family(font: str, expected: str) -> None:
    assert font_class(font) == expected


def test_a_web_worker_does_not_load_the_shaper() -> None:
    code = "import sys, adengine.texts, adengine.texts.render; sys.exit('uharfbuzz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
