"""Lines fit as their lengths say, though only the order of lengths is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.catalog.columns import CHARS, UNITS
from adengine.catalog.lengths import NO_LINE, Lengths, numbers_of, placed
from adengine.texts.widths import measure
from tests.builders import a_creative, a_flight, a_snapshot

LENGTHS = st.floats(0, 1e6) | st.integers(0, 800_000).map(lambda ticks: ticks / 10_000)
TEXTS = st.lists(st.text("Aijlm WÄé東", min_size=1, max_size=30), min_size=1, max_size=3, unique=True)


@given(lengths=st.lists(LENGTHS, min_size=1, max_size=40, unique=True), lines=st.data(), most=st.floats(-10, 1e6))
@settings(max_examples=300, deadline=None)
def test_a_line_fits_exactly_when_its_length_is_at_most_the_room(
    lengths: list[float], lines: st.DataObject, most: float
) -> None:
    """Rooms as long as a line, and the next ones above and below, among them."""
    numbers = np.array(
        lines.draw(
            st.lists(st.lists(st.integers(NO_LINE, len(lengths) - 1), min_size=3, max_size=3), min_size=1, max_size=9)
        ),
        np.int32,
    )
    exact = np.append(lengths, np.inf)[numbers]
    packed = Lengths(*placed(lengths, numbers))
    assert packed.values().tolist() == exact.tolist()
    assert packed.steps().tolist() == sorted({length for length in exact.ravel().tolist() if math.isfinite(length)})
    for length in (most, *lengths):
        for room in (length, math.nextafter(length, math.inf), math.nextafter(length, -math.inf)):
            assert packed.fitting(room).tolist() == (exact <= room).tolist()
            rows = range(len(exact))
            assert [packed.fitting_of(row, room).tolist() for row in rows] == (exact <= room).tolist()


@given(books=st.lists(TEXTS, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_every_line_of_a_book_fits_as_it_was_measured(books: list[list[str]]) -> None:
    creatives = tuple(
        a_creative(number, texts=tuple((f"v{at}", text) for at, text in enumerate(texts)))
        for number, texts in enumerate(books, 1)
    )
    snapshot = a_snapshot(a_flight(), creatives=creatives)
    for unit in UNITS:
        exact = [[v.chars if unit == CHARS else v.width_em[unit] for v in creative.variants] for creative in creatives]
        for most in {length for lengths in exact for length in lengths}:
            for room in (most, math.nextafter(most, -math.inf)):
                found = snapshot.lengths[unit].fitting(room)
                assert [row.sum() for row in found] == [sum(of <= room for of in lengths) for lengths in exact]
                shortest = min(length for lengths in exact for length in lengths)
                assert snapshot.shortest[unit].fitting(room).tolist() == [shortest <= room]


@pytest.mark.parametrize(("number", "bytes_each"), [(1, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 4)])
def test_as_few_bytes_as_there_are_lengths(number: int, bytes_each: int) -> None:
    chance = np.random.default_rng(number)
    lengths = chance.permutation(number) / 10_000
    numbers = chance.integers(NO_LINE, number, (500, 3)).astype(np.int32)
    numbers[0] = NO_LINE, 0, number - 1
    all_, places = placed(lengths.tolist(), numbers)
    assert places.itemsize == bytes_each
    exact = np.append(lengths, np.inf)[numbers]
    assert (Lengths(all_, places).values() == exact).all()
    again = numbers_of(all_, places)
    assert (np.append(all_, np.inf)[again] == exact).all() and (again[numbers == NO_LINE] == NO_LINE).all()


def test_fonts_have_few_lengths() -> None:
    """Why a place is short: thousands of unlike lines share the lengths that a font's units leave."""
    chance = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ,.:'"))
    texts = {"".join(chance.choice(letters, int(size))) for size in chance.integers(20, 80, 3000)}
    mono = {measure(text).width_em["mono"] for text in texts}
    assert len(texts) > 2900 and len(mono) < 100
