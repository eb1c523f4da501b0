"""What one worker has leased of flights' budgets: taken by pages, renewed by a thread, dead with the worker.

A lot is spent within `LEASE_S` of the call that asked for it or handed back, so that whoever counts knows when the last
of it can be recorded. All numbers are impressions; `monotonic` times are seconds.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adengine.pacing.claims import Lot, Want

LEASE_S = 30
RENEW_S = LEASE_S / 2
AHEAD_S = 3
"""A lot is made for the demand of so many seconds."""
RETRY_S = 0.5
"""Between two questions for a flight whose budget gave nothing."""
CLOCKS_S = 15
"""How far the clocks of consumer, workers and store may differ, with the time that a beacon takes to be judged."""
DEMAND_KEPT = 0.9
"""Of the demand as it was known, from one round of `needs` to the next."""


def horizon_s(hold_s: int) -> int:
    """How long after it was leased an impression may still be recorded."""
    return LEASE_S + hold_s + CLOCKS_S


class Token(NamedTuple):
    """One impression taken from a lot."""

    flight: int
    window: int


@dataclass(frozen=True, slots=True)
class Account:
    """What the sheet says of a flight's budget."""

    flight: int
    left: int
    begun: bool


NOTHING = Lot(0, 0)


@dataclass(slots=True)
class _Purse:
    index: int
    lot: Lot = NOTHING
    leased_s: float = -math.inf
    asked_s: float = -math.inf
    """When a question that gave nothing was put, or one whose answer is still to come."""
    spent: float = 0.0
    """Of late, per round of `needs`."""
    back: list[tuple[int, int]] = field(default_factory=list)


class Leases:
    """Shared by all threads of a worker."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._purses: dict[int, _Purse] = {}
        self.numbers: list[int] = []
        self.dies_s: list[float] = []
        """These two: by the index of a purse, what is left of its lot and when that dies; read without the lock."""

    def indices(self, flights: Iterable[int]) -> NDArray[np.int64]:
        """Where each of `flights` stands for `is_ready`; it stands there from now on."""
        with self._lock:
            return np.array([self._purse(flight).index for flight in flights], np.int64)

    def is_ready(self, index: int) -> bool:
        """Whether an impression could be taken now."""
        return self.numbers[index] > 0 and self.dies_s[index] > self._monotonic()

    def take(self, flight: int) -> Token | None:
        """One impression to spend at once, if there is one."""
        return self.take_each((flight,))[0]

    def take_each(self, flights: Iterable[int]) -> list[Token | None]:
        """The same of each of `flights`, in their order."""
        now_s, found = self._monotonic(), []
        numbers, dies_s = self.numbers, self.dies_s
        with self._lock:
            for flight in flights:
                token, purse = None, self._purses.get(flight)
                if purse is not None:
                    purse.spent += 1
                    at = purse.index
                    if numbers[at] > 0 and dies_s[at] > now_s:
                        numbers[at] -= 1
                        token = Token(flight, purse.lot.window)
                found.append(token)
        return found

    def give_back(self, token: Token) -> None:
        """What was not spent after all."""
        with self._lock:
            purse = self._purses[token.flight]
            if token.window == purse.lot.window:
                self.numbers[purse.index] += 1
            else:
                purse.back.append((token.window, 1))

    def needs(self, accounts: Sequence[Account], tau_s: int) -> list[Want]:
        """What to ask the store for now. accounts: of the flights that may be shown; of others all is handed back.

        Called about ten times a second by one thread, which calls `put` with the answer if it gets one.
        """
        now_s = self._monotonic()
        open_flights = {account.flight for account in accounts}
        wants = []
        with self._lock:
            for account in accounts:
                purse = self._purse(account.flight)
                number = self._wanted(purse, now_s) if account.left > 0 else 0
                if number or purse.back:
                    purse.asked_s = now_s if number else purse.asked_s
                    wants.append(self._want(account, purse, tau_s, number))
            for flight, purse in self._purses.items():
                if flight not in open_flights:
                    self._surrender(purse)
                    if purse.back:
                        wants.append(self._want(Account(flight, 0, begun=True), purse, tau_s, 0))
        return wants

    def put(self, wants: Sequence[Want], lots: Sequence[Lot], asked_s: float) -> None:
        """Takes up what was leased.  asked_s: monotonic time from before the store was asked."""
        with self._lock:
            for want, lot in zip(wants, lots, strict=True):
                if lot.number:
                    purse = self._purses[want.flight]
                    self._surrender(purse)
                    purse.lot, purse.leased_s, purse.asked_s = lot, asked_s, -math.inf
                    self.numbers[purse.index] = lot.number
                    self.dies_s[purse.index] = asked_s + LEASE_S

    def surrender(self) -> list[Want]:
        """Everything unspent, to be handed back by a worker that stops."""
        return self.needs((), 0)

    def _wanted(self, purse: _Purse, now_s: float) -> int:
        """How many to ask for; 0: what there is will do."""
        purse.spent *= DEMAND_KEPT
        desired = max(1, math.ceil(purse.spent * (1 - DEMAND_KEPT) * AHEAD_S * 10))
        number = self.numbers[purse.index]
        is_fresh = now_s < purse.leased_s + RENEW_S
        if is_fresh and number * 2 >= desired:
            return 0
        if not number and now_s < purse.asked_s + RETRY_S:
            return 0
        return desired

    def _want(self, account: Account, purse: _Purse, tau_s: int, number: int) -> Want:
        back, purse.back = tuple(purse.back), []
        return Want(
            flight=account.flight, left=account.left, tau_s=tau_s, begun=account.begun, number=number, back=back
        )

    def _surrender(self, purse: _Purse) -> None:
        number = self.numbers[purse.index]
        if number:
            purse.back.append((purse.lot.window, number))
            self.numbers[purse.index] = 0

    def _purse(self, flight: int) -> _Purse:
        purse = self._purses.get(flight)
        if purse is None:
            self.numbers.append(0)
            self.dies_s.append(0.0)
            purse = self._purses[flight] = _Purse(len(self._purses))
        return purse
