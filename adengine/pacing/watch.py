"""A worker's side of pacing: one thread that takes up the pacer's sheets and keeps leases in stock.

Without a pacer the last sheet goes on; without the store leases run out within `LEASE_S` and what has a budget pauses.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import structlog

from adengine.errors import StoreUnavailable
from adengine.learning.learnt import NOTHING, Learnt
from adengine.pacing.claims import PacingStore
from adengine.pacing.leases import Account, Leases
from adengine.pacing.sheet import BEGUN, NO_LIMIT, OPEN, Sheet, empty
from adengine.web import metrics

ROUND_S = 0.1
SHEET_S = 0.5
"""How often it is looked for a new sheet."""
_log = structlog.get_logger("adengine.pacing")


class PaceWatcher:
    """The current sheet, what was learnt last and the leases of one process."""

    def __init__(self, store: PacingStore, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._sheet = self._shown = empty()
        self._learnt = NOTHING
        self._looked_s = -SHEET_S
        self._accounts: list[Account] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pace-watcher", daemon=True)
        self.leases = Leases(monotonic)

    def sheet(self) -> Sheet:
        """What pages go by: the same one for as long as newer ones say the same to them.

        One comes every second, and what is worked out for each kind of page would be worked out anew.
        """
        return self._shown

    def learnt(self) -> Learnt:
        return self._learnt

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Hands everything back that was leased and not spent."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        wants = self.leases.surrender()
        if wants:
            self._store.lease(wants)

    def round(self) -> None:
        """Takes up a new sheet, if it is time to look for one, and renews what runs low."""
        now_s = self._monotonic()
        if now_s >= self._looked_s + SHEET_S:
            self._looked_s = now_s
            self._take_sheet()
            self._learnt = self._store.learnt(self._learnt.number) or self._learnt
        wants = self.leases.needs(self._accounts, self._sheet.tau_s)
        if wants:
            self.leases.put(wants, self._store.lease(wants), now_s)

    def _take_sheet(self) -> None:
        sheet = self._store.sheet(self._sheet.number)
        if sheet is not None:
            counted = (sheet.left != NO_LIMIT) & (sheet.flags & OPEN > 0)
            rows = np.flatnonzero(counted)
            self._accounts = [
                Account(int(sheet.flight[row]), int(sheet.left[row]), begun=bool(sheet.flags[row] & BEGUN))
                for row in rows.tolist()
            ]
            self._sheet = sheet
            if not sheet.says_as(self._shown):
                self._shown = sheet

    def _watch(self) -> None:
        while not self._stop.wait(ROUND_S):
            try:
                self.round()
            except (StoreUnavailable, ValueError) as error:
                metrics.count("adengine_store_failures", "pacing")
                _log.warning("pacing_waits", why=str(error))
