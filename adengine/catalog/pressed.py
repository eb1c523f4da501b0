"""One file of arrays and what is told beside them, signed and mapped.

    32 bytes keyed BLAKE2b of the next two | u64 length of the head | head, JSON | arrays

The head has {"format", "arrays": [[name, dtype, shape, offset, keyed BLAKE2b]], …}. Little-endian; arrays begin at
multiples of 64. Nothing in it is executed, whoever wrote it.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from adengine.errors import Unsafe

FORMAT = 2
"""Of the arrays and of what is told beside them; one more whenever either changes."""
MAC_BYTES = 32
LENGTH = np.dtype("<u8")
ALIGNED = 64
BESIDE = 2
"""Threads that hash and write."""
Array = NDArray[Any]
Bytes = NDArray[np.uint8]


def write(path: Path, told: Mapping[str, Any], arrays: Mapping[str, Array], key: bytes) -> None:
    """told: what the head has beside the arrays; JSON."""
    bodies = [_bytes(array) for array in arrays.values()]
    begins = np.cumsum([0, *(body.size + -body.size % ALIGNED for body in bodies)]).tolist()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file, ThreadPoolExecutor(BESIDE) as beside:
        digests = beside.map(partial(_digest, key), bodies)
        listed = [
            [name, array.dtype.str, array.shape, begin, digest]
            for (name, array), begin, digest in zip(arrays.items(), begins[:-1], digests, strict=True)
        ]
        head = orjson.dumps({"format": FORMAT, "arrays": listed, **told})
        head += b" " * (-(MAC_BYTES + LENGTH.itemsize + len(head)) % ALIGNED)
        signed = np.array([len(head)], LENGTH).tobytes() + head
        file.write(blake2b(signed, key=key, digest_size=MAC_BYTES).digest() + signed)
        file.flush()
        first = file.tell()
        places = [first + begin for begin in begins[:-1]]
        list(beside.map(partial(_put, descriptor), bodies, places))


def read(path: Path, key: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """(head, arrays, mapped); raises `Unsafe` if it was changed, is another key's or another format's, or not there."""
    try:
        mapped = np.asarray(np.memmap(path, np.uint8, "r"))  # a memmap is read in Python, an element at a time
    except (OSError, ValueError) as error:
        raise Unsafe(f"{path.name} cannot be read: {error}") from error
    begin = MAC_BYTES + LENGTH.itemsize
    end = begin + int(mapped[MAC_BYTES:begin].view(LENGTH)[0]) if mapped.size >= begin else 0
    mac = blake2b(mapped[MAC_BYTES:end].data, key=key, digest_size=MAC_BYTES).digest()
    if not end or not hmac.compare_digest(mapped[:MAC_BYTES].tobytes(), mac):
        raise Unsafe(f"{path.name} was not written by this engine or was damaged; it is ignored")
    head = orjson.loads(mapped[begin:end].tobytes())
    if head["format"] != FORMAT:
        raise Unsafe(f"{path.name} was written by another version of this engine; it is ignored")
    listed = head["arrays"]
    if any(end + at + _size(kind, shape) > mapped.size for _, kind, shape, at, _ in listed if _size(kind, shape)):
        raise Unsafe(f"{path.name} is shorter than it was; it is ignored")
    arrays = {name: _array(mapped, end + at, kind, shape) for name, kind, shape, at, _ in listed}
    with ThreadPoolExecutor(BESIDE) as beside:
        digests = list(beside.map(partial(_digest, key), map(_bytes, arrays.values())))
    if not hmac.compare_digest("".join(digests), "".join(digest for *_, digest in listed)):
        raise Unsafe(f"{path.name} was damaged; it is ignored")
    return head, arrays


def unsigned_head(path: Path) -> dict[str, Any]:
    """The head alone, by whomever it was written: good for housekeeping only."""
    with path.open("rb") as file:
        file.seek(MAC_BYTES)
        length = int(np.frombuffer(file.read(LENGTH.itemsize), LENGTH)[0])
        head: dict[str, Any] = orjson.loads(file.read(length))
        return head


def _bytes(array: Array) -> Bytes:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _digest(key: bytes, body: Bytes) -> str:
    return blake2b(body.data, key=key, digest_size=MAC_BYTES).hexdigest()


def _put(descriptor: int, body: Bytes, at: int) -> None:
    """All of it: one call writes at most 2 GiB."""
    while body.size:
        written = os.pwrite(descriptor, body.data, at)
        body, at = body[written:], at + written


def _size(kind: str, shape: Sequence[int]) -> int:
    return int(np.prod(shape)) * np.dtype(kind).itemsize


def _array(mapped: Bytes, at: int, kind: str, shape: Sequence[int]) -> Array:
    return mapped[at : at + _size(kind, shape)].view(kind).reshape(shape)
