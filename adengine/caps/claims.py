"""The reader log in the store: peek, reserve, confirm, release, forget; each one round trip.

What is exact and why: docs/caps.md. Scripts and their layout: the Lua files beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from operator import attrgetter
from struct import Struct
from typing import Any, NamedTuple

from adengine.caps.records import RECORD_BYTES, Seen
from adengine.randomness import Draws
from adengine.store import keys
from adengine.store.client import Script, Store, Word, store_clock

RESERVE = Script.load("caps/log.lua", "caps/reserve.lua")
RELEASE = Script.load("caps/log.lua", "caps/release.lua")
CONFIRM = Script.load("caps/log.lua", "caps/confirm.lua")

RECORDS_MAX = 512
"""Living records of one reader: impressions of capped flights within the longest window that any cap looks back."""
TOTALS_KEPT_S = 400 * 86_400
"""Lifetime counts go this long after the last impression that added to one."""
RESERVED = 1
UNDONE = 0
LOG_FULL = -99
_EPOCHS = Draws(16)
_packed = attrgetter("packed")
_EACH, _ALL_OR_NONE, _WAGER = 0, 1, 2
"""How picks of one call go together, as reserve.lua spells it."""
_IDS, _CAP = Struct(">4I"), Struct(">BqII")
"""A pick and each of its caps, as drawn in reserve.lua."""


@dataclass(frozen=True, slots=True)
class Scripts:
    """Other texts are for tests that remove a defence or let time run faster."""

    reserve: Script = RESERVE
    release: Script = RELEASE
    confirm: Script = CONFIRM

    def edited(self, edit: Callable[[str], str]) -> Scripts:
        return Scripts(*(Script(edit(script.text)) for script in (self.reserve, self.release, self.confirm)))


class Confirmation(IntEnum):
    LAPSED = 0
    """Unknown, released, or past its deadline."""
    CONFIRMED = 1
    DUPLICATE = 2


class WireCap(NamedTuple):
    level: int
    window: int
    """As `windows.wire` spells it."""
    limit: int
    owner: int
    """The flight it was booked with."""


@dataclass(frozen=True)
class Pick:
    """What is to be shown, by ids, and all caps that guard it."""

    creative: int
    flight: int
    campaign: int
    advertiser: int
    caps: tuple[WireCap, ...] = ()

    @cached_property
    def packed(self) -> bytes:
        """As drawn in reserve.lua."""
        ids = _IDS.pack(self.creative, self.flight, self.campaign, self.advertiser)
        return ids + b"".join([_CAP.pack(cap.level, cap.window, cap.limit, cap.owner) for cap in self.caps])


class ReaderLog:
    """Every call raises `StoreUnavailable` when the store is away; a call that raised may have been executed."""

    def __init__(self, store: Store, scripts: Scripts = Scripts(), *, clock: Callable[[], int] = store_clock) -> None:
        """clock: what the scripts take for now, where a call does not say it."""
        self._store = store
        self._clock = clock
        self._scripts = scripts

    def peek(self, rid: bytes, *, now_s: int, view: int, timeout_ms: int | None = None) -> Seen:
        """What the reader has seen.  rid: 8 bytes.  view: 31 bits, the page view at hand."""
        log, totals = self._store.read(
            ("GET", keys.reader_log(rid)), ("HGETALL", keys.reader_totals(rid)), timeout_ms=timeout_ms
        )
        return Seen.read(_whole(log), _pairs(totals), now_s=now_s, view=view)

    def reserve(
        self,
        rid: bytes | None,
        picks: Sequence[Pick],
        *,
        bucket: int,
        view: int,
        hold_s: int,
        retention_s: int,
        event: bytes = b"",
        all_or_nothing: bool = False,
        now_s: int = 0,
        timeout_ms: int | None = None,
    ) -> list[int]:
        """One verdict per pick: `RESERVED`, -k for refused by its k-th cap, `UNDONE`, or `LOG_FULL`.

        Appends `event` to the stream of `bucket` unless a pick was refused; without picks it only does that.
        rid: the reader, whose bucket it is; None only without picks.  now_s: 0 for the log's clock.
        """
        mode = _ALL_OR_NONE if all_or_nothing else _EACH
        reply: list[int] = self._reserve(rid, picks, mode, bucket, view, hold_s, retention_s, event, now_s, timeout_ms)
        return reply

    def wager(
        self,
        rid: bytes,
        picks: Sequence[Pick],
        *,
        bucket: int,
        view: int,
        hold_s: int,
        retention_s: int,
        now_s: int,
        event: bytes = b"",
        timeout_ms: int | None = None,
    ) -> tuple[list[int], Seen | None]:
        """Reserves all of a page that was chosen without a `peek`, or nothing; then also what the peek would have told.

        now_s: of the page, by which what was seen is read; the verdicts go by the log's clock.
        """
        reply = self._reserve(rid, picks, _WAGER, bucket, view, hold_s, retention_s, event, 0, timeout_ms)
        if len(reply) == len(picks):
            return reply, None
        *verdicts, log, totals = reply
        return verdicts, Seen.read(_whole(log), _pairs(totals), now_s=now_s, view=view)

    def _reserve(
        self,
        rid: bytes | None,
        picks: Sequence[Pick],
        mode: int,
        bucket: int,
        view: int,
        hold_s: int,
        retention_s: int,
        event: bytes,
        now_s: int,
        timeout_ms: int | None,
    ) -> list[Any]:
        """As the script answers."""
        places = keys.of_bucket(bucket)
        if rid is not None and picks:
            places += keys.of_reader(rid)
        words: list[Word] = [
            now_s or self._clock(), hold_s, retention_s, RECORDS_MAX, view, mode, event,
            _EPOCHS.take(), TOTALS_KEPT_S, *map(_packed, picks),
        ]  # fmt: skip
        reply: list[Any] = self._store.run(self._scripts.reserve, places, words, timeout_ms=timeout_ms)
        return reply

    def confirm(
        self,
        rid: bytes,
        creative: int,
        flight: int,
        view: int,
        lifetimes: Iterable[tuple[int, int, int]] = (),
        *,
        now_s: int = 0,
    ) -> tuple[Confirmation, list[int]]:
        """What became of a hold, and the lifetime counts that it made.  lifetimes: (owner flight, level, id) each."""
        reply = self._store.run(
            self._scripts.confirm,
            [keys.reader_log(rid), keys.reader_totals(rid)],
            [now_s or self._clock(), *confirm_args(creative, flight, view, lifetimes)],
        )
        return Confirmation(reply[0]), reply[1:]

    def release(self, rid: bytes, creative: int, flight: int, view: int, *, now_s: int = 0) -> bool:
        """Whether there was a hold to give back."""
        return bool(
            self._store.run(
                self._scripts.release, [keys.reader_log(rid)], [now_s or self._clock(), creative, flight, view]
            )
        )

    def forget(self, rid: bytes) -> bool:
        """Deletes all that is kept of a reader; whether there was anything."""
        return bool(self._store.read(("DEL", keys.reader_log(rid), keys.reader_totals(rid)))[0])


def confirm_args(creative: int, flight: int, view: int, lifetimes: Iterable[tuple[int, int, int]]) -> list[int]:
    """What `confirm_hold` of log.lua takes.  lifetimes: (owner flight, level, id) of each count to add to."""
    return [creative, flight, view, TOTALS_KEPT_S, *(int(number) for lifetime in lifetimes for number in lifetime)]


def _whole(log: bytes | None) -> bytes:
    log = log or b""
    return log[: len(log) - len(log) % RECORD_BYTES]


def _pairs(flat: Sequence[bytes]) -> dict[str, int]:
    return {field.decode("ascii"): int(n) for field, n in zip(flat[::2], flat[1::2], strict=True)}
