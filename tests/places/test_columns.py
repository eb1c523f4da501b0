"""The gazetteer's file: what goes in comes out, and no changed byte is read."""

from __future__ import annotations

import numpy as np
import pytest

from adengine.places import columns
from adengine.places.columns import DEGREE, NO_DEGREES, NO_PARENT, Array, Damaged

TABLE: dict[str, Array] = {
    "id": np.array([7, 300, 2**32 - 1], "<u4"),
    "kind": np.array([0, 3, 3], "|u1"),
    "parent": np.array([NO_PARENT, 0, 0], "<u4"),
    "lat": np.array([NO_DEGREES, 60 * DEGREE, -1], "<i4"),
    "lon": np.array([NO_DEGREES, -180 * DEGREE, 1], "<i4"),
    "population": np.array([0, 5, 2**32 - 1], "<u4"),
    "zone": np.array([0, 1, 65535], "<u2"),
    "name_at": np.array([0, 1, 2, 3], "<u4"),
    "names": np.frombuffer(b"abc", "|u1"),
    "key": np.array([1, 2**47, 2**48 - 1], "<u8"),
    "meaning": np.array([2, 1, 0], "<u4"),
    "zip": np.array([0, 3], "<u4"),
}


def an_image() -> bytes:
    return columns.image(columns.squeezed(TABLE, {"zones": ["", "Europe/Oslo"]}))


def test_an_image_holds_what_was_squeezed() -> None:
    opened, about = columns.opened(memoryview(an_image()))
    for name, values in TABLE.items():
        assert opened[name].tolist() == values.tolist() and opened[name].dtype == values.dtype, name
    assert about == {"zones": ["", "Europe/Oslo"], "version": columns.VERSION}


def test_cities_stand_from_south_to_north_on_the_unit_sphere() -> None:
    opened, _ = columns.opened(memoryview(an_image()))
    assert opened["northward"].tolist() == [2, 1]
    x, y, z = (opened[axis][1] for axis in "xyz")
    assert (x, y, z) == pytest.approx((-0.5, 0, np.sqrt(0.75)), abs=1e-6)


def test_columns_begin_on_aligned_bytes_so_that_they_can_be_mapped() -> None:
    memory = memoryview(an_image())
    start = np.frombuffer(memory, "|u1").ctypes.data
    opened, _ = columns.opened(memory)
    assert {(values.ctypes.data - start) % columns.ALIGNMENT for values in opened.values()} == {0}


@pytest.mark.parametrize("at", [0, 9, 13, 16, 200, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    bad = bytearray(an_image())
    bad[at] ^= 1
    with pytest.raises(Damaged):
        columns.opened(memoryview(bad))


@pytest.mark.parametrize("kept", [0, 4, 15, 16, 100, -1])
def test_a_missing_byte_is_noticed(kept: int) -> None:
    with pytest.raises(Damaged):
        columns.opened(memoryview(an_image()[:kept]))


def test_another_versions_file_is_not_read() -> None:
    shipped = columns.squeezed(TABLE, {"zones": [""]} | {"version": columns.VERSION + 1})
    with pytest.raises(Damaged, match="version"):
        columns.opened(memoryview(shipped))
