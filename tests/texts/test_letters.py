"""Which characters a line may hold."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.texts import letters

HONEST = [
    "QWIKET: Elevate your fantasy game!",
    "Bäckerei Möller: Frühstück ab 6 Uhr",
    "Publicité\u202f: « Éditions du Chêne »",
    "Реклама: новости каждое утро",
    "Διαφήμιση: τα νέα της ημέρας",
    "提供：毎朝のニュース、Tシャツも",
    "한국 뉴스 K팝",
    "פרסומת: חדשות הבוקר",
    "می\u200cخواهم",
    "दैनिक समाचार, क्\u200dष",
    "ผู้สนับสนุน",
    "Tiếng Việt mỗi ngày",
    "1&1, 4711 & O'Neill's 50 % off",
    "Sun ☀\ufe0f and 👍",
]


@pytest.mark.parametrize("text", HONEST)
def test_lines_of_many_languages_are_accepted(text: str) -> None:
    assert letters.faults(text) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("QWI\x00KET", "control"),
        ("QWI\x1b[31mKET", "control"),
        ("QWIKET\r\nX", "control"),
        ("QWIKET\x85", "control"),
        ("QWI\u2028KET", "line break"),
        ("QWIKET \u202emoc.live", "reorders"),
        ("QWIKET \u2066x\u2069", "reorders"),
        ("QWIKET\u200f", "reorders"),
        ("QWI\u200bKET", "invisible"),
        ("QWI\u00adKET", "invisible"),
        ("QWI\u2060KET", "invisible"),
        ("QWI\ufeffKET", "invisible"),
        ("QWI\u3164KET", "invisible"),
        ("QWI\u2800KET", "invisible"),
        ("QWI\U000e0041KET", "invisible"),
        ("QWIKET\ufe0f", "emoji selector"),
        ("QWI\u200dKET", "joiner"),
        ("QWI\u200cKET", "joiner"),
        ("QWI\ue000KET", "private-use"),
        ("QWI\u0378KET", "not assigned"),
        ("QWI\ud800KET", "surrogate"),
        ("QWI\ufffdKET", "replacement"),
        ("QWI\u2003KET", "unusual space"),
        (" QWIKET", "begins or ends"),
        ("QWIKET\u00a0", "begins or ends"),
        ("QWIKET  X", "two spaces"),
        ("Z\u0351\u036b\u0343", "combining marks"),
        ("\u0301QWIKET", "without a letter"),
        ("Mu\u0308ller", "NFC"),
        ("p\u0430ypal", "mixes scripts"),
        ("\u0391cme", "mixes scripts"),
    ],
)
def test_what_a_line_must_not_hold_is_named(text: str, says: str) -> None:
    assert any(says in sentence for sentence in letters.faults(text))


def test_every_fault_of_a_line_is_named_at_once() -> None:
    said = letters.faults(" a\x00b\u202ec\u200bd\ue000  ")
    assert len(said) == 6


def test_the_offending_character_is_named_by_its_code_point() -> None:
    assert letters.faults("a\u200bb") == ["holds an invisible character (U+200B)"]


@settings(deadline=None)
@given(st.text())
def test_nothing_that_cannot_be_seen_or_that_reorders_is_ever_accepted(text: str) -> None:
    if not letters.faults(text):
        allowed = {"\u200c", "\u200d"}
        assert not {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}} - allowed
        assert unicodedata.normalize("NFC", text) == text


@settings(deadline=None)
@given(
    st.text(max_size=20), st.sampled_from("\x00\x07\t\n\r\x1b\x7f\x85\u2028\u2029\u202a\u202e\u2066\u2069\u200b\ufeff")
)
def test_one_bad_character_anywhere_refuses_the_line(around: str, bad: str) -> None:
    at = len(around) // 2
    assert letters.faults(around[:at] + bad + around[at:])


def test_a_word_that_only_looks_latin_is_told_from_an_honest_foreign_one() -> None:
    assert letters.imitations("\u0430\u0440\u0440\u04cf\u0435 phones") == ["\u0430\u0440\u0440\u04cf\u0435"]
    assert letters.imitations("\u041e\u043d \u0438 \u043e\u043d\u0430") == []
