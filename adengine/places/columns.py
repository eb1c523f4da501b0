"""The gazetteer's columns and their two layouts: the image that workers map, and the squeezed form that ships.

Pure: bytes in, arrays out. Both layouts are one container:

    "ADEPLACE" | u32 CRC-32 of all that follows | u32 header bytes | header, JSON | columns, each on a 64-byte boundary

header: {"about": {...}, "columns": [[name, dtype, rows, offset from the container's start], ...]}
Numbers are little-endian. In the squeezed form every column is bytes: of a rising column the differences, then all
first bytes of its numbers, all second bytes and so on, which halves what xz makes of it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MAGIC = b"ADEPLACE"
ALIGNMENT = 64
VERSION = 1
"""Of columns and names together; raise it when either changes, and rebuild the gazetteer."""
NO_PARENT = 0xFFFF_FFFF
NO_DEGREES = 0x7FFF_FFFF
DEGREE = 10_000
"""Coordinates are whole 1/10 000 of a degree (11 m)."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    dtype: str
    rising: bool
    """Never falls from row to row; the squeezed form keeps the differences."""


COLUMNS = (
    # One row per place, by rising id. Other columns name a place by its row.
    Column("id", "<u4", True),
    Column("kind", "|u1", False),  # index into nouns.Kind
    Column("parent", "<u4", False),  # NO_PARENT: none. A territory's is its sovereign.
    Column("lat", "<i4", False),  # NO_DEGREES: unknown
    Column("lon", "<i4", False),
    Column("population", "<u4", False),
    Column("zone", "<u2", False),  # index into about["zones"]; the first is no zone
    Column("name_at", "<u4", True),  # where the row's name begins in `names`; one row more than places
    Column("names", "|u1", False),  # UTF-8; a country's and a region's name is followed by a tab and its ISO code
    # One row per spelling and place, by rising key.
    Column("key", "<u8", True),  # names.name_key and its siblings
    Column("meaning", "<u4", False),  # row of the place | class << CLASS_SHIFT
    # One row per ZIP, 00000 to 99999: 1 + row of the place, 0 for a ZIP that is none.
    Column("zip", "<u4", False),
    # The cities from south to north, and where they are on the unit sphere; made when the image is.
    Column("northward", "<u4", False),
    Column("x", "<f4", False),
    Column("y", "<f4", False),
    Column("z", "<f4", True),
)
CLASS_SHIFT = 28
OWN, OTHER, CONTEXT_ONLY = 0, 1, 2
"""Class of a spelling: the place's own name or code; another name; a name that only serves behind a comma."""
_DERIVED = ("northward", "x", "y", "z")


class Damaged(Exception):
    """Not a gazetteer, another version's, or one with a changed or missing byte."""


def squeezed(columns: Mapping[str, Array], about: Mapping[str, Any]) -> bytes:
    """The shipped form before compression; derived columns are left out."""
    kept = [column for column in COLUMNS if column.name not in _DERIVED]
    return _container({column.name: _planes(columns[column.name], column) for column in kept}, about)


def image(shipped: bytes) -> bytes:
    """What workers map, from the decompressed shipped form; raises `Damaged`."""
    planes, about = opened(memoryview(shipped))
    columns = {c.name: _whole(planes[c.name], c) for c in COLUMNS if c.name not in _DERIVED}
    return _container(columns | _sphere(columns), about)


def opened(memory: memoryview) -> tuple[dict[str, Array], dict[str, Any]]:
    """(columns without copying them, about) of a container; raises `Damaged`."""
    if bytes(memory[:8]) != MAGIC or len(memory) < 16:
        raise Damaged("not a gazetteer")
    crc, size = np.frombuffer(memory[8:16], "<u4").tolist()
    if zlib.crc32(memory[12:]) != crc:
        raise Damaged("its checksum is wrong")
    header = json.loads(bytes(memory[16 : 16 + size]))
    if header["about"]["version"] != VERSION:
        raise Damaged(f"version {header['about']['version']}, this code reads {VERSION}")
    columns = {name: np.frombuffer(memory, dtype, rows, at) for name, dtype, rows, at in header["columns"]}
    return columns, header["about"]


def _container(columns: Mapping[str, Array], about: Mapping[str, Any]) -> bytes:
    order = [(name, array.dtype.str, len(array), array.nbytes) for name, array in columns.items()]
    room = len(_header(about, [(name, dtype, rows, 2**40) for name, dtype, rows, _ in order]))
    placed, at = [], _aligned(16 + room)
    for name, dtype, rows, nbytes in order:
        placed.append((name, dtype, rows, at))
        at = _aligned(at + nbytes)
    out = bytearray(at)
    header = _header(about, placed)
    out[16 : 16 + len(header)] = header
    for name, _, _, start in placed:
        out[start : start + columns[name].nbytes] = columns[name].tobytes()
    out[:8], out[12:16] = MAGIC, np.uint32(len(header)).astype("<u4").tobytes()
    out[8:12] = np.uint32(zlib.crc32(memoryview(out)[12:])).astype("<u4").tobytes()
    return bytes(out)


def _header(about: Mapping[str, Any], placed: list[tuple[str, str, int, int]]) -> bytes:
    return json.dumps({"about": {"version": VERSION, **about}, "columns": placed}, sort_keys=True).encode()


def _aligned(at: int) -> int:
    return -(-at // ALIGNMENT) * ALIGNMENT


def _planes(array: Array, column: Column) -> Array:
    numbers = np.ascontiguousarray(array, column.dtype)
    if column.rising:
        numbers = np.diff(numbers, prepend=numbers.dtype.type(0))
    return numbers.view("|u1").reshape(len(array), -1).T.ravel()


def _whole(planes: Array, column: Column) -> Array:
    width = np.dtype(column.dtype).itemsize
    numbers = np.ascontiguousarray(planes.reshape(width, -1).T).view(column.dtype).ravel()
    return np.cumsum(numbers, dtype=column.dtype) if column.rising else numbers


def _sphere(columns: Mapping[str, Array]) -> dict[str, Array]:
    cities = np.flatnonzero((columns["kind"] == 3) & (columns["lat"] != NO_DEGREES))
    northward = cities[np.argsort(columns["lat"][cities], kind="stable")].astype("<u4")
    lat, lon = (np.radians(columns[name][northward] / DEGREE) for name in ("lat", "lon"))
    points = {"x": np.cos(lat) * np.cos(lon), "y": np.cos(lat) * np.sin(lon), "z": np.sin(lat)}
    return {"northward": northward} | {axis: values.astype("<f4") for axis, values in points.items()}
