"""What a page asks of the outside, twice: with a witness who notes the answers, and played from his notes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adengine.caps.claims import Pick
from adengine.caps.records import Record, Seen
from adengine.catalog.snapshot import Snapshot
from adengine.decisions.record import RID
from adengine.decisions.transcript import Differs, Script, Transcript
from adengine.pacing.leases import Token
from adengine.serving.outside import Log, Outside, Rids, Snapshots
from adengine.serving.pace import Leases, Turns

DATABASE, PEEK, RESERVE, READY, TAKE, TURN, CLOCK = (
    "database", "peek", "reserve", "ready", "take", "turn", "clock",
)  # fmt: skip
"""What is asked; the words stand in the log."""


def witnessed(real: Outside, snapshot: Snapshot | None, notes: Transcript) -> Outside:
    """The same outside, with every answer noted.  snapshot: the one that the page is to be decided by."""
    return Outside(
        snapshots=_WatchedSnapshots(real.snapshots, snapshot, notes),
        reader_log=_WatchedLog(real.reader_log, notes),
        reader_ids=_WatchedRids(real.reader_ids, notes),
        paces=real.paces.through(_WatchedLeases(real.paces.leases, notes), _WatchedTurns(real.paces.turns, notes)),
        monotonic=_watched_clock(real.monotonic, notes),
    )


class _WatchedSnapshots:
    def __init__(self, real: Snapshots, snapshot: Snapshot | None, notes: Transcript) -> None:
        self._real, self._snapshot, self._notes = real, snapshot, notes

    @property
    def database_ok(self) -> bool:
        ok = self._real.database_ok
        self._notes.note(DATABASE, ok)
        return ok

    def current(self) -> Snapshot | None:
        return self._snapshot

    def as_of(self, now_s: int) -> Snapshot | None:
        return self._real.as_of(now_s)


class _WatchedLog:
    def __init__(self, real: Log, notes: Transcript) -> None:
        self._real, self._notes = real, notes

    def peek(self, rid: bytes, *, now_s: int, view: int, timeout_ms: int | None = None) -> Seen:
        return self._notes.asking(
            PEEK,
            lambda: self._real.peek(rid, now_s=now_s, view=view, timeout_ms=timeout_ms),
            lambda seen: [[list(record) for record in seen.records], dict(seen.totals)],
        )

    def reserve(self, rid: bytes | None, picks: Sequence[Pick], **how: Any) -> list[int]:
        return self._notes.asking(RESERVE, lambda: self._real.reserve(rid, picks, **how), list)


class _WatchedRids:
    def __init__(self, real: Rids, notes: Transcript) -> None:
        self._real, self._notes = real, notes

    def rid(self, site: int, reader_key: str) -> bytes:
        rid = self._real.rid(site, reader_key)
        self._notes.note(RID, rid.hex())
        return rid


class _WatchedLeases:
    def __init__(self, real: Leases, notes: Transcript) -> None:
        self._real, self._notes = real, notes

    def indices(self, flights: Iterable[int]) -> NDArray[np.int64]:
        return self._real.indices(flights)

    def is_ready(self, index: int) -> bool:
        is_ready = self._real.is_ready(index)
        self._notes.note(READY, is_ready)
        return is_ready

    def take(self, flight: int) -> Token | None:
        token = self._real.take(flight)
        self._notes.note(TAKE, token.window if token is not None else None)
        return token

    def give_back(self, token: Token) -> None:
        self._real.give_back(token)


class _WatchedTurns:
    def __init__(self, real: Turns, notes: Transcript) -> None:
        self._real, self._notes = real, notes

    def take(self, flight: int, share: float) -> float | None:
        owed = self._real.take(flight, share)
        self._notes.note(TURN, owed)
        return owed

    def give_back(self, flight: int) -> None:
        self._real.give_back(flight)


def _watched_clock(real: Callable[[], float], notes: Transcript) -> Callable[[], float]:
    def monotonic() -> float:
        now_s = real()
        notes.note(CLOCK, now_s)
        return now_s

    return monotonic


class Played:
    """All of the outside at once, out of a script; it changes nothing anywhere."""

    def __init__(self, script: Script, snapshot: Snapshot) -> None:
        self._script, self._snapshot = script, snapshot

    @property
    def database_ok(self) -> bool:
        return bool(self._script.answer(DATABASE))

    def current(self) -> Snapshot:
        return self._snapshot

    def as_of(self, now_s: int) -> Snapshot:  # noqa: ARG002
        """Pages that ask for another time are not logged."""
        return self._snapshot

    def monotonic(self) -> float:
        return float(self._script.answer(CLOCK))

    def rid(self, site: int, reader_key: str) -> bytes:  # noqa: ARG002
        return bytes.fromhex(self._script.answer(RID))

    def peek(self, rid: bytes, *, now_s: int, view: int, timeout_ms: int | None = None) -> Seen:  # noqa: ARG002
        records, totals = self._script.answer(PEEK)
        return Seen(tuple(map(Record._make, records)), totals, now_s, view)

    def reserve(self, rid: bytes | None, picks: Sequence[Pick], **how: Any) -> list[int]:  # noqa: ARG002
        verdicts: list[int] = self._script.answer(RESERVE)
        if len(verdicts) != len(picks):
            raise Differs(f"it reserves {len(picks)} where the logged page reserved {len(verdicts)}")
        return verdicts


class PlayedLeases:
    def __init__(self, script: Script) -> None:
        self._script = script

    def indices(self, flights: Iterable[int]) -> NDArray[np.int64]:
        return np.zeros(len(list(flights)), np.int64)

    def is_ready(self, index: int) -> bool:  # noqa: ARG002
        return bool(self._script.answer(READY))

    def take(self, flight: int) -> Token | None:
        window = self._script.answer(TAKE)
        return Token(flight, window) if window is not None else None

    def give_back(self, token: Token) -> None:
        pass


class PlayedTurns:
    def __init__(self, script: Script) -> None:
        self._script = script

    def take(self, flight: int, share: float) -> float | None:  # noqa: ARG002
        owed: float | None = self._script.answer(TURN)
        return owed

    def give_back(self, flight: int) -> None:
        pass
