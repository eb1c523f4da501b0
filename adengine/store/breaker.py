"""A circuit breaker: after a few failures in a row, calls fail at once until a lone probe succeeds. Pure.

Nygard, "Release It!", 2nd ed., ch. 5. One per store, shared by its threads; the caller brings the clock.
"""

from __future__ import annotations

FAILURES_TO_OPEN = 3
PROBE_EVERY_S = 0.5


class Breaker:
    """Not locked: two threads that race send two probes instead of one, which costs a timeout and no more."""

    __slots__ = ("_next_probe_s", "failures")

    def __init__(self) -> None:
        self.failures = 0
        """In a row; none, and there is nothing to ask or tell."""
        self._next_probe_s = 0.0

    @property
    def is_open(self) -> bool:
        return self.failures >= FAILURES_TO_OPEN

    def admits(self, now_s: float) -> bool:
        """Whether a call may try; while open, one call every `PROBE_EVERY_S`."""
        if not self.is_open:
            return True
        if now_s < self._next_probe_s:
            return False
        self._next_probe_s = now_s + PROBE_EVERY_S
        return True

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self, now_s: float) -> None:
        self.failures += 1
        if self.is_open:
            self._next_probe_s = now_s + PROBE_EVERY_S
