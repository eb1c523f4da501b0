"""Recording a beacon: its token verified in memory, then one script that judges and appends it, all or nothing.

When `record` returns, the beacon is in the stream, or in the spool while the store is away (or was refused for good),
and may be acknowledged. When it raises, nothing was recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from adengine.caps.claims import confirm_args
from adengine.catalog.nouns import Level
from adengine.catalog.snapshot import Snapshot
from adengine.counting.metrics import NONE, Kind
from adengine.counting.spool import ANEW, Full, Spool
from adengine.counting.tokens import LIVES_S, SKEW_S, Opened, Served, TokenReader, age_problem
from adengine.counting.traffic.caller import NOBODY, Caller
from adengine.counting.traffic.rules import Rules
from adengine.counting.traffic.verdicts import Traffic
from adengine.errors import StoreUnavailable
from adengine.randomness import Draws
from adengine.store import keys
from adengine.store.client import Script, Store, Word, store_clock
from adengine.web import metrics

RECORD = Script.load("caps/log.lua", "counting/record.lua")
REMEMBERED_S = max(LIVES_S.values()) + 2 * SKEW_S + 3600
"""How long the store knows what a request has had; longer than its tokens live, by any of our clocks."""
COPIES_MAX = 10_000
"""Further copies kept of one request's beacons; a flood of the same token ends there."""
_EPOCHS = Draws(16)
SPOOLED = "spooled"
"""The verdict of a beacon that waits on the disk."""
WAITS = b"waits"
"""What the script says of a viewable or click whose impression may wait in the spool; it has recorded nothing."""
COUNTS = "counts"
"""The verdict, in the workers' metrics, of a beacon without a reason."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the page's call says beside the token."""

    variant: int = NONE
    """Index of the variant that the page shows, if it says so."""
    is_measurable: bool = False
    """Whether a script reported it, which can also watch for viewability."""
    caller: Caller = NOBODY


_log = structlog.get_logger("adengine.beacons")


class Recorder:
    """One is shared by all threads of a worker."""

    def __init__(
        self,
        store: Store,
        reader: TokenReader,
        snapshot: Callable[[], Snapshot | None],
        *,
        hold_s: int,
        traffic: Traffic | None = None,
        spool: Spool | None = None,
        clock: Callable[[], float] = time.time,
        recorded_at: Callable[[], int] = store_clock,
    ) -> None:
        """snapshot: the current one.  hold_s: how long a brief impression counts.

        traffic: None: nobody's beacons are invalid.  spool: takes what the store cannot; None: nothing does.

        clock: epoch s, for the age of tokens.  recorded_at: the time that events bear.
        """
        self._store = store
        self._recorded_at = recorded_at
        self._reader = reader
        self._snapshot = snapshot
        self._hold_s = hold_s
        self._spool = spool
        self._traffic = traffic if traffic is not None else Traffic(Rules())
        self._clock = clock

    def open(self, token: str, kind: Kind) -> Opened:
        return self._reader.read(token, kind)

    def record(self, opened: Opened, kind: Kind, sighting: Sighting = Sighting()) -> str:
        """Why the beacon does not count, of `reasons.REASONS`; empty if it counts, `SPOOLED` if that is not known yet.

        Raises `StoreUnavailable` if there is no room in the spool either.
        """
        reason = opened.reason
        if opened.served is not None:
            reason = "preview" if opened.served.preview else self._recorded(opened.served, opened.body, kind, sighting)
        metrics.count("adengine_beacons", kind.name.lower(), reason or COUNTS)
        return reason

    def _recorded(self, served: Served, body: bytes, kind: Kind, sighting: Sighting) -> str:
        bucket = keys.bucket_of(served.reader, served.request)
        rules = self._traffic.rules
        places = [keys.request_bits(bucket, served.request), keys.stream(bucket), keys.epoch(bucket)]
        confirming: list[int] = []
        if kind is Kind.IMPRESSION and served.held and served.reader is not None:
            places += (keys.reader_log(served.reader), keys.reader_totals(served.reader))
            confirming = confirm_args(served.creative, served.flight, served.view, self._lifetimes(served))
        most = 0
        if served.reader is not None and rules.reader_per_minute:
            most = rules.reader_per_minute
            places.append(keys.reader_rate(served.reader))
        problem = self._problem(served, kind) or self._traffic.reason(sighting.caller)
        later_problem = "" if problem else self._later_problem(served, sighting.caller)
        waits = kind is not Kind.IMPRESSION and self._spool is not None and self._spool.is_waiting()
        args: list[Word] = [
            self._recorded_at(), body, served.pick, int(kind), self._shown(served, sighting.variant),
            int(sighting.is_measurable), problem, int(bool(confirming)), REMEMBERED_S, COPIES_MAX,
            _EPOCHS.take(), later_problem, rules.click_ms_min, most, int(waits), *confirming,
        ]  # fmt: skip
        reason = self._judged(places, args)
        if reason is None or reason == WAITS:
            # Neither the minute nor the milliseconds in which a spool is drained say anything of rates.
            spooled = [int(self._clock()), *args[1:10], ANEW, later_problem, 0, 0, 0, *confirming]
            self._spooled(places[:-1] if most else places, spooled)
            return SPOOLED
        return reason.decode("ascii")

    def _judged(self, places: list[str], args: list[Word]) -> bytes | None:
        """What the store says; None: it is away. Raises `StoreUnavailable` where there is no spool."""
        try:
            reason: bytes = self._store.run(RECORD, places, args)
        except StoreUnavailable:
            if self._spool is None:
                raise
            return None
        if self._spool is not None:
            self._spool.rest()
        return reason

    def _spooled(self, places: list[str], args: list[Any]) -> None:
        assert self._spool is not None
        try:
            self._spool.append(places, args)
        except (Full, OSError) as error:
            metrics.count("adengine_spool", "refused")
            _log.error("spool_refuses", why=str(error))
            raise StoreUnavailable(f"the store is away, and {error}") from error
        metrics.count("adengine_spool", "kept")

    def _problem(self, served: Served, kind: Kind) -> str:
        """Why the beacon comes at the wrong time; empty if it does not."""
        now_s = int(self._clock())
        if served.brief and kind is Kind.IMPRESSION and now_s > served.issued_s + self._hold_s:
            return "late"
        return age_problem(served, kind, now_s)

    def _later_problem(self, served: Served, caller: Caller) -> str:
        """What comes behind the reasons that only the store can find."""
        if self._traffic.is_flood(caller):
            return "rate"
        snapshot = self._snapshot()
        return "not_billable" if snapshot is not None and snapshot.has_archived(served.flight) else ""

    def _lifetimes(self, served: Served) -> tuple[tuple[int, Level, int], ...]:
        snapshot = self._snapshot()
        return snapshot.lifetimes(served.flight, served.creative) if snapshot is not None else ()

    def _shown(self, served: Served, variant: int) -> int:
        """The variant that the page says it shows, if the creative has so many; else `NONE`."""
        snapshot = self._snapshot()
        if variant == NONE or snapshot is None:
            return NONE
        row = snapshot.creative_row.get(served.creative)
        creative = snapshot.creatives[row] if row is not None else None
        if creative is None or (creative.id, creative.version) != (served.creative, served.version):
            return NONE
        return variant if variant < len(creative.variants) else NONE
