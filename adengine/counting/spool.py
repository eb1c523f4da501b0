"""Beacons that wait on this machine's disk while the store is away, and go through the same script when it is back.

Each worker appends to a file of its own and syncs it before the beacon is acknowledged; the keeper of the machine
drains all of them. A line is a CRC and the call as it would have been made, with the time at which the beacon came. A
line that power cut short was never acknowledged and is left out. How far a file has been drained stands beside it, so
that a keeper that is killed repeats a few hundred calls at most: the script then finds them to be duplicates, which do
not count.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import threading
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
import structlog

from adengine.store.client import Script, Store
from adengine.web import metrics

FOLDER = "spool"
SUFFIX, DONE = ".spool", ".done"
FILE_BYTES = 4 * 2**20
"""A worker begins another file behind this, so that drained ones can go."""
FREE_BYTES_MIN = 64 * 2**20
"""Left to the disk's other users."""
NOTED_EVERY = 500
CRC_CHARS = 8
ANEW_BYTES = 16
ANEW: Final = object()
"""In a call's arguments: so many random bytes, drawn whenever the call is made. A line that is drained twice, the last
time into a store that came back empty, must not give its new stream the old one's epoch."""
_log = structlog.get_logger("adengine.spool")


class Full(Exception):
    """There is no room for another beacon."""


class Spool:
    """One for all threads of a worker."""

    def __init__(self, folder: Path, bytes_max: int) -> None:
        """bytes_max: of all workers of the machine together."""
        self._folder = folder
        self._bytes_max = bytes_max
        self._file: BinaryIO | None = None
        self._turn = threading.Lock()

    def append(self, keys: Sequence[str], args: Sequence[Any]) -> None:
        """Returns when the call is on the disk; raises `Full` or `OSError`."""
        line = line_of(keys, args)
        with self._turn:
            file = self._opened()
            if waiting_bytes(self._folder) + len(line) > self._bytes_max:
                raise Full("the spool is full")
            if shutil.disk_usage(self._folder).free < FREE_BYTES_MIN:
                raise Full("the disk is nearly full")
            file.write(line)
            file.flush()
            os.fdatasync(file.fileno())

    def close(self) -> None:
        """Whoever drains may drop the file then; another one is begun if need be."""
        with self._turn:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _opened(self) -> BinaryIO:
        if self._file is not None and self._file.tell() >= FILE_BYTES:
            self._file.close()
            self._file = None
        if self._file is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / (secrets.token_hex(8) + SUFFIX)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._file = os.fdopen(descriptor, "ab")
            fcntl.flock(self._file, fcntl.LOCK_SH)
            _sync_folder(self._folder)
        return self._file


def drain(folder: Path, store: Store, script: Script) -> int:
    """Makes all calls that wait, oldest file first; how many. Raises `StoreUnavailable`, with nothing lost."""
    return sum(_drain_file(path, store, script) for path in sorted(folder.glob("*" + SUFFIX), key=_age))


def waiting_bytes(folder: Path) -> int:
    """Of all files, the drained parts of those that are still written included."""
    return sum(path.stat().st_size for path in folder.glob("*" + SUFFIX))


def line_of(keys: Sequence[str], args: Sequence[Any]) -> bytes:
    said = orjson.dumps([list(keys), [_plain(arg) for arg in args]])
    return b"%08x" % zlib.crc32(said) + said + b"\n"


def call_of(line: bytes) -> tuple[list[str], list[Any]] | None:
    """(keys, args); None if the line is not as it was written."""
    said = line[CRC_CHARS:].rstrip(b"\n")
    if b"%08x" % zlib.crc32(said) != line[:CRC_CHARS]:
        return None
    keys, args = orjson.loads(said)
    return keys, [_raw(arg) for arg in args]


def _drain_file(path: Path, store: Store, script: Script) -> int:
    done = path.with_suffix(DONE)
    at = int(done.read_text()) if done.exists() else 0
    with path.open("rb") as file:
        is_written_no_more = _takes(file)
        file.seek(at)
        lines = file.read().split(b"\n")[:-1]
    drained = 0
    try:
        for line in lines:
            call = call_of(line)
            if call is not None:
                store.run(script, *call)
                drained += 1
            else:
                _log.error("spooled_line_damaged", file=path.name, at=at)
            at += len(line) + 1
            if drained % NOTED_EVERY == 0:
                _note(done, at)
    finally:
        _note(done, at)
        metrics.count("adengine_spool", "drained", by=drained)
    if is_written_no_more:
        path.unlink()
        done.unlink(missing_ok=True)
    return drained


def _takes(file: BinaryIO) -> bool:
    """Whether nobody writes the file any more: whoever does holds a lock on it as long as he lives."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _note(done: Path, at: int) -> None:
    draft = done.with_suffix(".draft")
    draft.write_text(str(at))
    draft.replace(done)


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _sync_folder(folder: Path) -> None:
    """Else power that goes may take the file's name with it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(arg: Any) -> Any:
    if arg is ANEW:
        return {"anew": ANEW_BYTES}
    return {"b64": b64encode(arg).decode("ascii")} if isinstance(arg, bytes) else arg


def _raw(arg: Any) -> Any:
    if not isinstance(arg, dict):
        return arg
    return secrets.token_bytes(arg["anew"]) if "anew" in arg else b64decode(arg["b64"])
