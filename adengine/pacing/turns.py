"""Whose turn it is among sponsors who were promised a share of the pages: exact in every worker.

Each page that a sponsor could stand on credits him with his share; with a credit of 1 it is his turn, and standing
there costs 1. So of any 100 pages a lone sponsor with a share of 0.3 gets 29 to 31. A turn that comes to nothing,
because somebody better or more owed stands there, is kept for the next page.
"""

from __future__ import annotations

import threading

START = 0.5
"""The first credit; rounds to the nearest, so that many workers do not all begin with, or without, a page."""
CREDIT_MAX = 2.0
"""Turns that were missed for longer are not made up for all at once."""


class Turns:
    """Shared by all threads of a worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._credit: dict[int, float] = {}

    def take(self, flight: int, share: float) -> float | None:
        """A page on which `flight` could stand: how much it is owed if it is its turn, which is then taken."""
        with self._lock:
            credit = min(self._credit.get(flight, START) + share, CREDIT_MAX)
            is_turn = credit >= 1.0 - 1e-9
            self._credit[flight] = credit - is_turn
        return credit if is_turn else None

    def give_back(self, flight: int) -> None:
        """The turn came to nothing."""
        with self._lock:
            self._credit[flight] += 1.0
