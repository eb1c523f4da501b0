"""One file of arrays and what is told beside them, signed and mapped.

    32 bytes keyed BLAKE2b of the next two | u64 length of the head | head, JSON | small arrays

The head has {"format", "behind": keyed BLAKE2b of all that follows it, "arrays": [[name, dtype, shape, stored shape,
offset or piece]], …}. Little-endian; arrays begin at multiples of 64. An array that has one value throughout is
stored as that one; a large one lies in a piece, which its hash names (`pieces`). Nothing is executed, whoever wrote it.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from adengine.catalog.pieces import Bytes, Pieces, bytes_of
from adengine.errors import Unsafe

FORMAT = 3
"""Of the arrays and of what is told beside them; one more whenever either changes."""
MAC_BYTES = 32
LENGTH = np.dtype("<u8")
HEAD_BEGINS = MAC_BYTES + LENGTH.itemsize
ALIGNED = 64
PIECE_BYTES = 2**16
"""So large, an array is a piece."""
BESIDE = 2
"""Threads that hash and write."""
Array = NDArray[Any]


class Listed(NamedTuple):
    """An array as the head has it."""

    name: str
    kind: str
    shape: Sequence[int]
    stored: Sequence[int]
    """The shape of what is written."""
    where: int | str
    """Where it begins behind the head, or its piece."""

    @property
    def size(self) -> int:
        """Bytes that are written."""
        return int(np.prod(self.stored)) * np.dtype(self.kind).itemsize


def write(path: Path, told: Mapping[str, Any], arrays: Mapping[str, Array], key: bytes, pieces: Pieces) -> None:
    """told: what the head has beside the arrays; JSON."""
    stored = {name: array[:1] if _is_one_value(array) else array for name, array in arrays.items()}
    bodies = [bytes_of(array) for array in stored.values()]

    with ThreadPoolExecutor(BESIDE) as beside:
        large = [body for body in bodies if body.size >= PIECE_BYTES]
        names = list(beside.map(pieces.name, large))
        once = dict(zip(names, large, strict=True))
        list(beside.map(pieces.put, once.keys(), once.values()))
    behind, listed, named = bytearray(), [], iter(names)
    for (name, array), body in zip(stored.items(), bodies, strict=True):
        where: int | str = next(named) if body.size >= PIECE_BYTES else _appended(behind, body)
        listed.append([name, array.dtype.str, arrays[name].shape, array.shape, where])
    told = {"format": FORMAT, "behind": _digest(behind, key).hex(), "arrays": listed, **told}
    head = orjson.dumps(told)
    head += b" " * (-(HEAD_BEGINS + len(head)) % ALIGNED)
    signed = np.array([len(head)], LENGTH).tobytes() + head
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_digest(signed, key) + signed + behind)


def read(path: Path, key: bytes, pieces: Pieces) -> tuple[dict[str, Any], dict[str, Array]]:
    """(head, arrays, mapped); raises `Unsafe` if it was changed, is another key's or another format's, or not there.

    Of the pieces those are hashed that `pieces` has not read yet.
    """
    try:
        mapped = np.asarray(np.memmap(path, np.uint8, "r"))  # a memmap is read in Python, an element at a time
    except (OSError, ValueError) as error:
        raise Unsafe(f"{path.name} cannot be read: {error}") from error
    end = HEAD_BEGINS + int(mapped[MAC_BYTES:HEAD_BEGINS].view(LENGTH)[0]) if mapped.size >= HEAD_BEGINS else 0
    if not end or not hmac.compare_digest(mapped[:MAC_BYTES].tobytes(), _digest(mapped[MAC_BYTES:end].data, key)):
        raise Unsafe(f"{path.name} was not written by this engine or was damaged; it is ignored")
    head = orjson.loads(mapped[HEAD_BEGINS:end].tobytes())
    if head["format"] != FORMAT:
        raise Unsafe(f"{path.name} was written by another version of this engine; it is ignored")
    behind = mapped[end:]
    if not hmac.compare_digest(_digest(behind.data, key).hex(), head["behind"]):
        raise Unsafe(f"{path.name} was damaged; it is ignored")
    listed = listed_in(head)

    def body(row: Listed) -> Bytes:
        where = row.where
        return pieces.get(where) if isinstance(where, str) else behind[where : where + row.size]

    with ThreadPoolExecutor(BESIDE) as beside:
        bodies = list(beside.map(body, listed))
    pieces.forget(but=pieces_in(listed))
    return head, {row.name: _array(row, found) for row, found in zip(listed, bodies, strict=True)}


def listed_in(head: Mapping[str, Any]) -> list[Listed]:
    return [Listed(*row) for row in head["arrays"]]


def pieces_in(listed: Sequence[Listed]) -> dict[str, int]:
    """Their names and sizes."""
    return {row.where: row.size for row in listed if isinstance(row.where, str)}


def unsigned_head(path: Path) -> dict[str, Any]:
    """The head alone, by whomever it was written: good for housekeeping only. Raises ValueError if it is none."""
    with path.open("rb") as file:
        begin = file.read(HEAD_BEGINS)
        length = int.from_bytes(begin[MAC_BYTES:], "little")
        if length > path.stat().st_size:
            raise ValueError(f"{path.name} is shorter than its head")
        head: dict[str, Any] = orjson.loads(file.read(length))
        return head


def _appended(behind: bytearray, body: Bytes) -> int:
    """Where it begins."""
    behind += bytes(-len(behind) % ALIGNED)
    begin = len(behind)
    behind += body.data
    return begin


def _digest(body: bytes | bytearray | memoryview, key: bytes) -> bytes:
    return blake2b(body, key=key, digest_size=MAC_BYTES).digest()


def _is_one_value(array: Array) -> bool:
    """To the bit: NaN too, and not 0.0 beside -0.0."""
    if array.ndim != 1 or array.size < 2:
        return False
    if array.strides == (0,):
        return True
    bits = np.ascontiguousarray(array).view(f"u{array.itemsize}")
    return bool(bits[0] == bits[-1] and bits[0] == bits[bits.size // 2] and (bits == bits[0]).all())


def _array(row: Listed, body: Bytes) -> Array:
    array = body.view(row.kind).reshape(row.stored)
    return array if tuple(row.stored) == tuple(row.shape) else np.broadcast_to(array, row.shape)
