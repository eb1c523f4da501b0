"""Random bytes for what every page draws, asked of the system for many at once: each question takes 3 µs."""

from __future__ import annotations

import os
from collections.abc import Iterator

AT_ONCE = 256
"""Draws that one question is for."""


class Draws:
    """Random bytes of one size, each given once. Safe to share between threads and to take through a fork."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left: Iterator[bytes] = iter(())
        os.register_at_fork(after_in_child=self._forget)

    def take(self) -> bytes:
        found = next(self._left, None)  # of a list's iterator: no two threads get the same
        if found is None:
            raw = os.urandom(self._size * AT_ONCE)
            found, *rest = [raw[at : at + self._size] for at in range(0, len(raw), self._size)]
            self._left = iter(rest)
        return found

    def _forget(self) -> None:
        self._left = iter(())
