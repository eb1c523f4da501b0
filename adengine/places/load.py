"""Maps the gazetteer that ships with the package, expanded once per data directory.

The shipped file is 11 MB of xz. Its image, 31 MB, is written beside the other data once and then mapped by every
process; they share its pages. The image's name holds the digest of the shipped file, so that a new release makes its
own. Every process verifies the checksum of what it maps (10 ms) and makes a damaged image anew.
"""

from __future__ import annotations

import ctypes
import fcntl
import lzma
import mmap
import os
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from adengine.errors import Unsafe
from adengine.places.columns import VERSION, Damaged, image, opened
from adengine.places.gazetteer import Gazetteer

SHIPPED, DIGEST = "gazetteer.xz", "gazetteer.sha256"


@cache
def load(cache_dir: Path) -> Gazetteer:
    """The full gazetteer, once per process; many processes may call it at the same time.

    cache_dir: where the image is kept, 31 MB, made if absent. Raises `Unsafe` if it cannot be written, or if what
    shipped is damaged.
    """
    digest = (files("adengine.places") / DIGEST).read_text("ascii").split()[0]
    path = cache_dir / f"places-{VERSION}-{digest[:16]}.image"
    try:
        try:
            return _mapped(path)
        except (FileNotFoundError, Damaged):
            cache_dir.mkdir(parents=True, exist_ok=True)
        with (cache_dir / "places.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _mapped_or_made(path, digest)
    except OSError as error:
        raise Unsafe(f"cannot keep places in {cache_dir}: {error}; make it writable, with 31 MB free") from error


def _mapped_or_made(path: Path, digest: str) -> Gazetteer:
    """Under the lock, so that of many processes only the first expands."""
    try:
        return _mapped(path)
    except (FileNotFoundError, Damaged):
        _replace(path, image(_shipped(digest)))
        _give_memory_back()
    for former in path.parent.glob("places-*.image"):
        if former != path:  # of another release; processes that have it mapped keep it
            former.unlink(missing_ok=True)
    return _mapped(path)


def _shipped(digest: str) -> bytes:
    packed = (files("adengine.places") / SHIPPED).read_bytes()
    if sha256(packed).hexdigest() != digest:
        raise Unsafe(f"{SHIPPED} is not the file that {DIGEST} names: install adengine again")
    return lzma.decompress(packed)


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, also through a power failure."""
    made = path.with_suffix(".new")
    with made.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    made.replace(path)


def _give_memory_back() -> None:
    """glibc would keep the 60 MB that expanding took in the heap of whichever process came first."""
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)


def _mapped(path: Path) -> Gazetteer:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise Damaged("empty")
        memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    return Gazetteer(*opened(memoryview(memory)))
