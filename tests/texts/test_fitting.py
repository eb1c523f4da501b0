"""Which line the server chooses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.texts import FONT_CLASSES, longest_that_fits, measure, shown_label
from adengine.texts.fitting import SAFETY
from tests.texts.builders import LABEL, label_em, some_sizes

SIZES = some_sizes()
FULL_PX = [measure(shown_label(LABEL)).width_em["arial"] * 16 + size.width_em["arial"] * 16 for size in SIZES]


def chosen(*, font: str = "arial", font_px: float = 16, **limits: float | int | None) -> int | None:
    return longest_that_fits(SIZES, label=LABEL, label_em=label_em(), font=font, font_px=font_px, **limits)


def test_without_limits_the_longest_is_chosen() -> None:
    assert chosen() == 2


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_whole_line_with_label_and_safety_must_fit(index: int) -> None:
    limit = FULL_PX[index] * SAFETY
    assert chosen(max_width_px=limit + 0.1) == index
    assert chosen(max_width_px=limit - 0.1) == (index - 1 if index else None)


@pytest.mark.parametrize(("max_chars", "expected"), [(14, None), (15, 0), (72, 0), (73, 1), (137, 1), (138, 2)])
def test_the_label_counts_among_the_characters(max_chars: int, expected: int | None) -> None:
    assert chosen(max_chars=max_chars) == expected


def test_both_limits_must_hold() -> None:
    assert chosen(max_width_px=5000, max_chars=20) == 0
    assert chosen(max_width_px=200, max_chars=500) == 0


def test_without_a_label_there_is_more_room() -> None:
    bare = longest_that_fits(SIZES, label="", label_em=label_em(""), font="arial", font_px=16, max_chars=6)
    assert bare == 0


@settings(deadline=None)
@given(st.floats(1, 3000), st.floats(6, 60), st.sampled_from(FONT_CLASSES))
def test_more_room_never_chooses_a_shorter_line(width: float, font_px: float, font: str) -> None:
    now = chosen(max_width_px=width, font_px=font_px, font=font)
    later = chosen(max_width_px=width * 1.1, font_px=font_px, font=font)
    assert now is None or (later is not None and later >= now)
