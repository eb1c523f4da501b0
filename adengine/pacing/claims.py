"""Pacing's side of the store: who leads, the sheet that he publishes, and leases. Each call is one round trip a node.

Every call raises `StoreUnavailable` when the store is away; a call that raised may have been executed. A lease whose
answer was lost is nobody's until its window is past the horizon, which only makes a flight slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adengine.learning.learnt import Learnt
from adengine.pacing.sheet import Sheet
from adengine.store import keys
from adengine.store.client import Script, Store, Word, store_clock

LEASE = Script.load("pacing/lease.lua")
LEAD = Script.load("pacing/lead.lua")
SHARE = 8
"""One call gets at most the sixteenth part of what is left: by then a dozen workers have some, and the rest waits."""
_PUBLISHED = [keys.PACER, keys.SHEET, keys.SHEET_NUMBER, keys.LEARNT, keys.LEARNT_NUMBER]
LEAD_MS = 4_000
"""How long a leader who does not say anything is believed alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a worker asks of one flight's budget, and what he hands back of it."""

    flight: int
    left: int
    tau_s: int
    begun: bool
    """These three: from the sheet."""
    number: int
    """How many impressions; 0: none, only hand back."""
    back: tuple[tuple[int, int], ...] = ()
    """(window, number) of earlier leases that were not spent."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What was leased."""

    number: int
    window: int


class PacingStore:
    def __init__(
        self, store: Store, horizon_s: int, lease: Script = LEASE, *, clock: Callable[[], int] = store_clock
    ) -> None:
        """horizon_s: past it a leased impression has been recorded, or never will count (`leases.horizon_s`).

        clock: what the script takes for now, where a call does not say it.
        """
        self._clock = clock
        self._store = store
        self.horizon_s = horizon_s
        self._lease = lease

    def lease(self, wants: Sequence[Want], now_s: int = 0) -> list[Lot]:
        """One lot for each of `wants`.  now_s: 0 for this object's clock."""
        calls: list[tuple[str, list[Word]]] = [
            (
                keys.leased(want.flight),
                [now_s or self._clock(), want.tau_s, want.left, self.horizon_s, want.number, SHARE, int(want.begun),
                 *(word for pair in want.back for word in pair)],
            )
            for want in wants
        ]  # fmt: skip
        return [Lot(*map(int, reply)) for reply in self._store.run_each(self._lease, calls)]

    def lead(self, holder: str, sheet: Sheet | None, learnt: Learnt | None = None) -> bool:
        """Whether `holder` leads now; if so, what he says is published in the same step. Without a sheet: nothing."""
        words: list[Word] = [holder, LEAD_MS]
        if sheet is not None:
            words += [sheet.to_bytes(), sheet.number]
            words += [learnt.to_bytes(), learnt.number] if learnt is not None else []
        return bool(self._store.run(LEAD, _PUBLISHED, words))

    def resign(self, holder: str) -> None:
        """Lets another one lead at once."""
        self._store.run(LEAD, _PUBLISHED, [holder, 0])

    def sheet(self, known: int) -> Sheet | None:
        """The last sheet; None if it is the one with the number `known` or there is none. ValueError if damaged."""
        (number,) = self._store.read(("GET", keys.SHEET_NUMBER))
        if number is None or int(number) == known:
            return None
        (text,) = self._store.read(("GET", keys.SHEET))
        return Sheet.from_bytes(text) if text is not None else None

    def learnt(self, known: int) -> Learnt | None:
        """What was learnt last, in the same way."""
        (number,) = self._store.read(("GET", keys.LEARNT_NUMBER))
        if number is None or int(number) == known:
            return None
        (text,) = self._store.read(("GET", keys.LEARNT))
        return Learnt.from_bytes(text) if text is not None else None
