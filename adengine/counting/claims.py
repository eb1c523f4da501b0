"""Recording a beacon: its token verified in memory, then one script that judges and appends it, all or nothing.

When `record` returns, the beacon is in the stream (or was refused for good), and may be acknowledged. When the store is
away it raises, and nothing was recorded: a spool on this machine's disk will take its place there.
"""

from __future__ import annotations

import secrets
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from adengine.caps.claims import confirm_args
from adengine.catalog.nouns import Level
from adengine.catalog.snapshot import Snapshot
from adengine.counting.metrics import NONE, Kind
from adengine.counting.tokens import LIVES_S, SKEW_S, Opened, Served, TokenReader, age_problem
from adengine.store import keys
from adengine.store.client import Script, Store, store_clock
from adengine.web import metrics

RECORD = Script.load("caps/log.lua", "counting/record.lua")
REMEMBERED_S = max(LIVES_S.values()) + 2 * SKEW_S + 3600
"""How long the store knows what a request has had; longer than its tokens live, by any of our clocks."""
COPIES_MAX = 10_000
"""Further copies kept of one request's beacons; a flood of the same token ends there."""
COUNTS = "counts"
"""The verdict, in the workers' metrics, of a beacon without a reason."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the page's call says beside the token."""

    variant: int = NONE
    """Index of the variant that the page shows, if it says so."""
    is_measurable: bool = False
    """Whether a script reported it, which can also watch for viewability."""


class Recorder:
    """One is shared by all threads of a worker."""

    def __init__(
        self,
        store: Store,
        reader: TokenReader,
        snapshot: Callable[[], Snapshot | None],
        *,
        hold_s: int,
        clock: Callable[[], float] = time.time,
        recorded_at: Callable[[], int] = store_clock,
    ) -> None:
        """snapshot: the current one.  hold_s: how long a brief impression counts.

        clock: epoch s, for the age of tokens.  recorded_at: the time that events bear.
        """
        self._store = store
        self._recorded_at = recorded_at
        self._reader = reader
        self._snapshot = snapshot
        self._hold_s = hold_s
        self._clock = clock

    def open(self, token: str, kind: Kind) -> Opened:
        return self._reader.read(token, kind)

    def record(self, opened: Opened, kind: Kind, sighting: Sighting = Sighting()) -> str:
        """Why the beacon does not count, of `reasons.REASONS`; empty if it counts. Raises `StoreUnavailable`."""
        reason = opened.reason
        if opened.served is not None:
            reason = "preview" if opened.served.preview else self._recorded(opened.served, opened.body, kind, sighting)
        metrics.count("adengine_beacons", kind.name.lower(), reason or COUNTS)
        return reason

    def _recorded(self, served: Served, body: bytes, kind: Kind, sighting: Sighting) -> str:
        bucket = keys.bucket_of(served.reader, served.request)
        places = [keys.request_bits(bucket, served.request), keys.stream(bucket), keys.epoch(bucket)]
        confirming: list[int] = []
        if kind is Kind.IMPRESSION and served.held and served.reader is not None:
            places += (keys.reader_log(served.reader), keys.reader_totals(served.reader))
            confirming = confirm_args(served.creative, served.flight, served.view, self._lifetimes(served))
        reason: bytes = self._store.run(
            RECORD,
            places,
            [self._recorded_at(), body, served.pick, int(kind), self._shown(served, sighting.variant),
             int(sighting.is_measurable),
             self._problem(served, kind), int(bool(confirming)), REMEMBERED_S, COPIES_MAX,
             secrets.token_bytes(16), *confirming],
        )  # fmt: skip
        return reason.decode("ascii")

    def _problem(self, served: Served, kind: Kind) -> str:
        """Why the beacon comes at the wrong time; empty if it does not."""
        now_s = int(self._clock())
        if served.brief and kind is Kind.IMPRESSION and now_s > served.issued_s + self._hold_s:
            return "late"
        return age_problem(served, kind, now_s)

    def _lifetimes(self, served: Served) -> tuple[tuple[int, Level, int], ...]:
        snapshot = self._snapshot()
        return snapshot.lifetimes(served.flight, served.creative) if snapshot is not None else ()

    def _shown(self, served: Served, variant: int) -> int:
        """The variant that the page says it shows, if the creative has so many; else `NONE`."""
        snapshot = self._snapshot()
        if variant == NONE or snapshot is None:
            return NONE
        index = bisect_left(snapshot.creatives, served.creative, key=attrgetter("id"))
        creative = snapshot.creatives[index] if index < len(snapshot.creatives) else None
        if creative is None or (creative.id, creative.version) != (served.creative, served.version):
            return NONE
        return variant if variant < len(creative.variants) else NONE
