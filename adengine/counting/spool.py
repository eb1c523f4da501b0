"""Beacons that wait on this machine's disk while the store is away, and go through the same script when it is back.

Each worker appends to a file of its own and syncs it before the beacon is acknowledged; the keeper of the machine
drains all of them, in the order in which lines were written: a click must not be judged before the impression that
waits in another worker's file. A line is a CRC, when it was written, and the call as it would have been made, with the
time at which the beacon came. A line that power cut short was never acknowledged and is left out. How far a file has
been drained stands beside it, so that a keeper that is killed repeats a few hundred calls at most: the script then
finds them to be duplicates, which do not count.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import secrets
import shutil
import threading
import time
import zlib
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias

import orjson
import structlog

from adengine.store.client import Script, Store
from adengine.web import metrics

FOLDER = "spool"
SUFFIX, BORN, DONE = ".spool", ".born", ".done"
FILE_BYTES = 4 * 2**20
"""A worker begins another file behind this, so that drained ones can go."""
FREE_BYTES_MIN = 64 * 2**20
"""Left to the disk's other users."""
REST_S = 1.0
"""So long after its last line a worker lets go of its file, if the store answers again."""
NOTED_EVERY = 500
UNBORN_NS = 3600 * 10**9
CLOCK_NS = 60 * 10**9
"""A line from further ahead than this was written before the clock was set back, and is due."""
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
        self._written_s = 0.0
        self._turn = threading.Lock()

    def append(self, keys: Sequence[str], args: Sequence[Any]) -> None:
        """Returns when the call is on the disk; raises `Full` or `OSError`."""
        with self._turn:
            file = self._opened()
            line = line_of(time.time_ns(), keys, args)
            if waiting_bytes(self._folder) + len(line) > self._bytes_max:
                raise Full("the spool is full")
            if shutil.disk_usage(self._folder).free < FREE_BYTES_MIN:
                raise Full("the disk is nearly full")
            file.write(line)
            file.flush()
            os.fdatasync(file.fileno())
            self._written_s = time.monotonic()

    def close(self) -> None:
        """Whoever drains may drop the file then; another one is begun if need be."""
        with self._turn:
            self._let_go()

    def rest(self) -> None:
        """The store answers: a file that has not been written for a while is let go, so that it can be dropped."""
        if self._file is not None and time.monotonic() - self._written_s > REST_S:
            self.close()

    def is_waiting(self) -> bool:
        """Whether any worker's file is there: what is in it may have to be recorded before what comes now."""
        try:
            with os.scandir(self._folder) as found:
                return any(entry.name.endswith(SUFFIX) for entry in found)
        except FileNotFoundError:
            return False

    def _opened(self) -> BinaryIO:
        if self._file is not None and self._file.tell() >= FILE_BYTES:
            self._let_go()
        if self._file is None:
            self._file = self._begun()
        return self._file

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begun(self) -> BinaryIO:
        """A new file, named by when it was begun. It gets its name when it is locked: else whoever drains could take it
        for one that nobody writes, and drop it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        born = self._folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}{BORN}"
        descriptor = os.open(born, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        file = os.fdopen(descriptor, "ab")
        fcntl.flock(file, fcntl.LOCK_SH)
        born.rename(born.with_suffix(SUFFIX))
        _sync_folder(self._folder)
        return file


class Waiting(NamedTuple):
    """A call that was not made yet."""

    at_ns: int
    """When it was written, by this machine's clock."""
    keys: list[str]
    args: list[Any]


Head: TypeAlias = tuple[int, int, Waiting, Iterator[Waiting]]
"""Of a file: when its next call was written, the file's number, which tells two apart, the call, those behind it."""


def drain(folder: Path, store: Store, script: Script) -> int:
    """Makes all calls that wait, oldest first; how many. Raises `StoreUnavailable`, with nothing lost.

    Only what was written before it began: of two files read one after the other, the second could else have a click
    whose impression came into the first one behind its reader.
    """
    before_ns, drained = time.time_ns(), 0
    _drop_unborn(folder, before_ns)
    with ExitStack() as opened:
        files = [(_begun_ns(path), opened.enter_context(closing(_calls(path, before_ns)))) for path in _files(folder)]
        try:
            for call in _in_order(files):
                store.run(script, call.keys, call.args)
                drained += 1
        finally:
            metrics.count("adengine_spool", "drained", by=drained)
    return drained


def waiting_bytes(folder: Path) -> int:
    """Of all files, the drained parts of those that are still written included."""
    size = 0
    for path in folder.glob("*" + SUFFIX):
        with suppress(FileNotFoundError):  # it has just been drained, and dropped
            size += path.stat().st_size
    return size


def line_of(at_ns: int, keys: Sequence[str], args: Sequence[Any]) -> bytes:
    said = orjson.dumps([at_ns, list(keys), [_plain(arg) for arg in args]])
    return b"%08x" % zlib.crc32(said) + said + b"\n"


def call_of(line: bytes) -> Waiting | None:
    """None if the line is not as it was written."""
    said = line[CRC_CHARS:].rstrip(b"\n")
    if b"%08x" % zlib.crc32(said) != line[:CRC_CHARS]:
        return None
    at_ns, keys, args = orjson.loads(said)
    return Waiting(at_ns, keys, [_raw(arg) for arg in args])


def _files(folder: Path) -> list[Path]:
    """By when they were begun, which is what their names begin with."""
    return sorted(folder.glob("*" + SUFFIX))


def _in_order(files: Iterable[tuple[int, Iterator[Waiting]]]) -> Iterator[Waiting]:
    """What waits in all files, by when it was written; files: (when it was begun, its calls), oldest first.

    A file is opened when its time comes: as many are open at once as workers wrote at once.
    """
    coming = deque(files)
    heads: list[Head] = []
    number = 0
    while coming or heads:
        while coming and (not heads or coming[0][0] <= heads[0][0]):
            _, calls = coming.popleft()
            number += 1
            _push(heads, number, calls)
        if heads:
            _, its, call, calls = heapq.heappop(heads)
            yield call
            _push(heads, its, calls)


def _push(heads: list[Head], number: int, calls: Iterator[Waiting]) -> None:
    call = next(calls, None)
    if call is not None:
        heapq.heappush(heads, (call.at_ns, number, call, calls))


def _calls(path: Path, before_ns: int) -> Generator[Waiting, None, None]:
    """The calls of a file that wait, each taken for made when the next is asked for; drops the file behind the last."""
    done = path.with_suffix(DONE)
    at = begun = int(done.read_text()) if done.exists() else 0
    with path.open("rb") as file:
        is_written_no_more = _takes(file)
        file.seek(at)
        try:
            for number, line in enumerate(file, 1):
                call = call_of(line)
                if not line.endswith(b"\n"):
                    break  # it was cut short, or is being written
                if call is None:
                    _log.error("spooled_line_damaged", file=path.name, at=at)
                elif before_ns <= call.at_ns < before_ns + CLOCK_NS:
                    is_written_no_more = False
                    break
                else:
                    yield call
                at += len(line)
                if number % NOTED_EVERY == 0:
                    _note(done, at)
        finally:
            if at > begun:
                _note(done, at)
    if is_written_no_more:
        path.unlink()
        done.unlink(missing_ok=True)


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


def _begun_ns(path: Path) -> int:
    """0 for a name that is not of ours: such a file is read at once."""
    begun = path.name.partition("-")[0]
    return int(begun) if begun.isdecimal() else 0


def _drop_unborn(folder: Path, now_ns: int) -> None:
    """Files whose worker died before they had their name; nothing was written into them."""
    for path in folder.glob("*" + BORN):
        if _begun_ns(path) < now_ns - UNBORN_NS:
            path.unlink(missing_ok=True)


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
