"""How long one page may wait for the store, whatever goes wrong there. Pure: the caller brings the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from adengine.errors import StoreUnavailable

T = TypeVar("T")


class Budget:
    """Made for one page, spent by its calls."""

    __slots__ = ("_call_ms", "_left_s", "_monotonic")

    def __init__(self, monotonic: Callable[[], float], call_ms: int, page_ms: float) -> None:
        """monotonic: seconds.  call_ms: the most that one call may take.  page_ms: all of them together."""
        self._monotonic = monotonic
        self._call_ms = call_ms
        self._left_s = page_ms / 1000

    def spend(self, call: Callable[[int], T]) -> T:
        """What `call` gives, which is told how many ms it may take; raises `StoreUnavailable` when none are left."""
        left_ms = int(self._left_s * 1000)
        if left_ms < 1:
            raise StoreUnavailable("this page has waited long enough for the store")
        started_s = self._monotonic()
        try:
            return call(min(left_ms, self._call_ms))
        finally:
            self._left_s -= self._monotonic() - started_s
