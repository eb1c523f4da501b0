"""The bytes of large arrays, each in a file of its own that is named by what it holds.

    <folder>/<keyed BLAKE2b of the bytes, in hex>.piece

Catalogues that have the same array name the same piece: an edit writes what it changed, and a reader hashes of the next
catalogue what it has not hashed yet. Whoever names a piece signs its name (`pressed`), so that nothing is believed that
was not hashed by this process against a signed name.
"""

from __future__ import annotations

import hmac
import mmap
import os
from collections.abc import Collection
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adengine.errors import Unsafe

PIECE = ".piece"
DIGEST_BYTES = 32
Bytes: TypeAlias = NDArray[np.uint8]


class Stamp(NamedTuple):
    """Of a file: another one as soon as anybody wrote to it, or put another in its place."""

    inode: int
    size: int
    modified_ns: int
    changed_ns: int


class Pieces:
    """Of one folder, for one reader or writer; asked for several at once by threads."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key
        self._written: dict[str, Stamp] = {}
        self._read: dict[str, tuple[Stamp, Bytes]] = {}
        """These two: by name; what this process wrote or hashed, as it was then."""

    def name(self, body: Bytes) -> str:
        return blake2b(body.data, key=self._key, digest_size=DIGEST_BYTES).hexdigest()

    def path(self, name: str) -> Path:
        return self._folder / (name + PIECE)

    def put(self, name: str, body: Bytes) -> None:
        """Written, unless it lies there as this process wrote or hashed it: one that was damaged is mended so."""
        path = self.path(name)
        sound = self._written.get(name) or self._read.get(name, (None,))[0]
        if sound is not None and sound == _stamp(path):
            return
        draft = path.with_name(f".{path.name}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            written = 0
            while written < body.size:  # one call writes at most 2 GiB
                written += file.write(body[written:].data) or 0
        draft.replace(path)
        self._written[name] = _stamp(path) or Stamp(0, 0, 0, 0)

    def get(self, name: str) -> Bytes:
        """Mapped. Raises `Unsafe` for one that is damaged, was changed or is not there."""
        path = self.path(name)
        known = self._read.get(name)
        if known is not None and known[0] == _stamp(path):
            return known[1]
        stamp, body = _mapped(path)
        if not hmac.compare_digest(self.name(body), name):
            raise Unsafe(f"{path.name} was not written by this engine or was damaged; its catalogue is ignored")
        self._read[name] = stamp, body
        return body

    def forget(self, but: Collection[str]) -> None:
        """Pieces that no catalogue has which is read any more; maps last as long as arrays of them."""
        self._read = {name: known for name, known in self._read.items() if name in but}

    def drop(self, but: Collection[str]) -> None:
        """Removes the files of all others, and what killed writers have left; for the only writer."""
        for path in self._folder.glob("*" + PIECE):
            if path.stem not in but:
                path.unlink(missing_ok=True)
        self._written = {name: stamp for name, stamp in self._written.items() if name in but}


def _stamp(path: Path) -> Stamp | None:
    try:
        return _stamp_of(path.stat())
    except FileNotFoundError:
        return None


def _stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _mapped(path: Path) -> tuple[Stamp, Bytes]:
    """The stamp is of the file that is mapped, and from before it is read."""
    try:
        with path.open("rb") as file:
            stamp = _stamp_of(os.fstat(file.fileno()))
            return stamp, np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError) as error:
        raise Unsafe(f"{path.name} cannot be read: {error}") from error


def bytes_of(array: NDArray[Any]) -> Bytes:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
