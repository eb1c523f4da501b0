"""Look-ups over narrow arrays answer as wide ones would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.catalog.arrays import OFFSETS, SIGNED, narrow
from adengine.catalog.sparse import Blobs, RowOf, Through
from tests.builders import a_creative, a_flight, a_snapshot

IDS = st.integers(0, 300) | st.integers(0, 2**40) | st.integers(2**31 - 3, 2**31 + 3)


@given(ids=st.sets(IDS, max_size=30), asked=st.lists(st.integers(-(2**70), 2**70) | IDS), plain=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_row_is_found_by_any_id_and_by_no_other(ids: set[int], asked: list[int], plain: bool) -> None:
    ascending = sorted(ids)
    rows = list(range(len(ids)))[:: 1 if plain else -1]
    expected = dict(zip(ascending, rows, strict=True))
    column = narrow(np.array(ascending, np.int64), (np.int32, np.int64))
    found = RowOf(column, None if plain else np.array(rows, np.int32))
    for id_ in [*asked, *ascending]:
        assert found.get(id_) == expected.get(id_)
        assert (id_ in found) == (id_ in expected)
    for id_ in column:
        assert found.get(id_) == expected[int(id_)], "an id as arrays have it"


@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)))
@settings(max_examples=200, deadline=None)
def test_a_narrow_column_says_the_same_in_fewer_bytes(numbers: list[int]) -> None:
    found = narrow(np.array(numbers, np.int64))
    assert found.tolist() == numbers
    for kind in SIGNED:
        if np.dtype(kind).itemsize < found.itemsize:
            assert any(not np.iinfo(kind).min <= number <= np.iinfo(kind).max for number in numbers)


@pytest.mark.parametrize(
    ("most", "kind"), [(2**16 - 1, "u2"), (2**16, "u4"), (2**32 - 1, "u4"), (2**32, "i8"), (2**40, "i8")]
)
def test_places_in_a_file_are_as_wide_as_the_file_is_long(most: int, kind: str) -> None:
    found = narrow(np.array([0, most]), OFFSETS)
    assert found.dtype == kind and found.tolist() == [0, most]


def test_bytes_behind_half_of_the_largest_offset_are_found() -> None:
    """Sums of narrow numbers would wrap around."""
    data = np.zeros(70_000, np.uint8)
    data[65_535:65_540] = 7
    blobs = Blobs(np.array([65_535], np.uint16), np.array([5], np.uint16), data)
    assert blobs[0] == b"\7" * 5 and list(blobs) == [b"\7" * 5]


def test_a_column_that_is_read_through_another_is_read_like_an_array() -> None:
    chance = np.random.default_rng(5)
    values, rows = chance.integers(0, 99, 7), chance.integers(0, 7, 50).astype(np.int32)
    column, wide = Through(values, rows), values[rows]
    mask = wide > 50
    for at in (3, np.int64(4), slice(5, 9), mask, np.array([1, 1, 30])):
        assert np.array_equal(column[at], wide[at])
    assert column.tolist() == wide.tolist()


def test_ids_beyond_32_bits_are_ids_like_others() -> None:
    flights = (a_flight(2**33, campaign=2**34), a_flight(5, campaign=6))
    creatives = (a_creative(2**35, campaign=2**34), a_creative(2**31, campaign=2**34), a_creative(9, campaign=6))
    snapshot = a_snapshot(*flights, creatives=creatives)
    candidates = snapshot.candidates
    pairs = list(zip(candidates.flight.tolist(), candidates.creative.tolist(), candidates.campaign[:], strict=True))
    assert pairs == [(5, 9, 6), (2**33, 2**31, 2**34), (2**33, 2**35, 2**34)]
    assert [snapshot.creative_row.get(creative.id) for creative in snapshot.creatives] == [0, 1, 2]
    assert snapshot.showing(2**33).tolist() == [1, 2] and snapshot.showing(4).size == 0
    assert snapshot.landing(2**35, 1) == f"https://sponsor.example/{2**35}"
