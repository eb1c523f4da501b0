"""Whose turn it is among sponsors who were promised a share of the pages: exact over all workers of a machine.

Each page that a sponsor could stand on credits him with his share; with a credit of 1 it is his turn, and standing
there costs 1. So of any 100 pages a lone sponsor with a share of 0.3 gets 29 to 31. A turn that comes to nothing,
because somebody better or more owed stands there, is kept for the next page.

Credits lie in a small file that all workers of a machine have open, one u64 a flight at 8 × its id:

    0: not begun    else 1 + the credit in `PARTS`

A turn locks the eight bytes of its flight, reads and writes them: 5 µs, on pages that have such a sponsor only. The
system lets go of the lock of a worker that was killed, and eight bytes are written whole or not at all. Machines do not
know of each other: over M of them, errors may add up to M in any hundred pages.
"""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
import threading
import time
from pathlib import Path
from typing import BinaryIO

PARTS = 10**9
"""Whole numbers do not drift, however many pages come."""
START = PARTS // 2
"""The first credit; rounds to the nearest."""
CREDIT_MAX = 2.0
"""Turns that were missed for longer are not made up for all at once."""
WAIT_S = 0.05
"""For the lock of another worker, as long as for the store. Who holds it for longer was stopped by somebody; a page
goes on without it then, and risks one turn more or less."""
PAUSE_S = 0.0001
_CREDIT = struct.Struct("=Q")


class Turns:
    """Shared by all threads of a worker, and through the file by all workers."""

    def __init__(self, path: Path | None = None) -> None:
        """path: of the file, which is made if there is none; None: this worker is the only one."""
        self._lock = threading.Lock()  # the file's locks do not keep threads of one process apart
        self._open = _opened(path) if path is not None else tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._file = self._open.fileno()

    def take(self, flight: int, share: float) -> float | None:
        """A page on which `flight` could stand: how much it is owed if it is its turn, which is then taken."""
        credit = self._credited(flight, round(share * PARTS))
        return credit / PARTS if credit >= PARTS else None

    def give_back(self, flight: int) -> None:
        """The turn came to nothing."""
        with self._lock:
            is_ours = self._locked(flight)
            self._write(flight, self._read(flight) + PARTS)
            self._unlock(flight, is_ours)

    def _credited(self, flight: int, part: int) -> int:
        """The credit with this page, before what standing there costs."""
        with self._lock:
            is_ours = self._locked(flight)
            credit = min(self._read(flight) + part, int(CREDIT_MAX * PARTS))
            self._write(flight, credit - PARTS if credit >= PARTS else credit)
            self._unlock(flight, is_ours)
        return credit

    def _read(self, flight: int) -> int:
        there = os.pread(self._file, _CREDIT.size, flight * _CREDIT.size)
        number = _CREDIT.unpack(there)[0] if len(there) == _CREDIT.size else 0
        return number - 1 if number else START

    def _write(self, flight: int, credit: int) -> None:
        os.pwrite(self._file, _CREDIT.pack(credit + 1), flight * _CREDIT.size)

    def _locked(self, flight: int) -> bool:
        """Whether nobody else has its bytes now."""
        gives_up_s = time.monotonic() + WAIT_S
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, _CREDIT.size, flight * _CREDIT.size)
            except BlockingIOError:
                if time.monotonic() > gives_up_s:
                    return False
                time.sleep(PAUSE_S)
            else:
                return True

    def _unlock(self, flight: int, is_ours: bool) -> None:
        if is_ours:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _CREDIT.size, flight * _CREDIT.size)


def _opened(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0)
