"""Events as they travel in the bucket streams: one `e` field of bytes each, big-endian, written once and read once.

A beacon, made by record.lua:
    u8 1 | 68B the token's body | u32 at_s | u8 variant | u8 flags (1 first, 2 first measurable) | reason, the rest
A fill, made by `fill_event` and appended by the script that reserves:
    u8 3 | 16B request | u32 at_s | u32 site | u32 place | u32 topic | u8 refresh << 4 | device
    u8 slots | u16 refusals
    per slot: u32 slot | u32 flight | u32 creative | u16 version | u8 tier | u8 variant | u8 length | reason
    per refusal: u32 slot | u32 flight | u8 length | cap
A fill of an older engine: u8 2, and neither refresh nor device. It may stand in a stream when this one begins to read.

Nothing of the reader is in a fill's event. Pure; `counting.postings` says what an event adds to the sums.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from adengine.counting.metrics import NONE, Kind
from adengine.counting.reasons import NAMES
from adengine.counting.tokens import BODY_BYTES, Served, unpack

BEACON, FILL_BEFORE, FILL = 1, 2, 3
FIRST, MEASURABLE = 1, 2
REASON_BYTES_MAX = 64
_BEACON_TAIL = struct.Struct(">IBB")
_FILL_HEAD = struct.Struct(">B16sIIIIBBH")
_FILL_BEFORE_HEAD = struct.Struct(">B16sIIIIBH")
_SLOT = struct.Struct(">IIIHBBB")
_REFUSAL = struct.Struct(">IIB")
_REASON_AT = 1 + BODY_BYTES + _BEACON_TAIL.size


class Unreadable(Exception):
    """Bytes in a stream that are no event of ours; the message says what is wrong with them."""


class SlotOutcome(NamedTuple):
    """What one slot of a page got. A filled one has a flight; an empty one has none and a reason."""

    slot: int
    """Its id; 0 for a name that is not registered."""
    reason: str = ""
    """Of `serving.reasons`; on a filled one only when a house line stands there, saying why no sponsor does."""
    flight: int = 0
    creative: int = 0
    version: int = 0
    tier: int = NONE
    variant: int = NONE
    """Index of the variant; `NONE`: the browser picks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A cap kept a flight out of a slot. One per (slot, flight): the first cap that refused."""

    slot: int
    flight: int
    cap: str
    """Level and window, `creative/1d`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One answer to a page."""

    request: bytes
    """The request id, 16 bytes."""
    at_s: int
    site: int
    slots: tuple[SlotOutcome, ...]
    """At most 255."""
    place: int = 0
    topic: int = 0
    capped: tuple[Refusal, ...] = ()
    """At most 65 535; more are cut off."""
    device: int = 0
    refresh: int = 0
    """These two as in `tokens.Served`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """One beacon with its verdict."""

    kind: Kind
    served: Served
    at_s: int
    variant: int
    """What the page says it shows; otherwise the fill's."""
    is_first: bool
    """Whether the script took it for the first of its kind; otherwise it is one more copy, whatever its reason."""
    is_measurable: bool
    """Whether it is the first of its pick to show that the page can measure viewability."""
    reason: str


def fill_event(
    request: bytes,
    at_s: int,
    site: int,
    place: int,
    topic: int,
    slots: Sequence[bytes],
    capped: Sequence[Refusal] = (),
    device: int = 0,
    refresh: int = 0,
) -> bytes:
    """Of one answer to a page, for the script that reserves.  slots: by `slot_bytes`; the rest as in `Fill`."""
    capped = capped[:0xFFFF]
    page = refresh << 4 | device
    parts = [_FILL_HEAD.pack(FILL, request, at_s, site, place, topic, page, len(slots), len(capped)), *slots]
    for refusal in capped:
        cap = refusal.cap.encode("ascii")
        parts += (_REFUSAL.pack(refusal.slot, refusal.flight, len(cap)), cap)
    return b"".join(parts)


def slot_bytes(outcome: SlotOutcome) -> bytes:
    """As a fill's event has it."""
    slot, text, flight, creative, version, tier, variant = outcome
    reason = text.encode("ascii")
    return _SLOT.pack(slot, flight, creative, version, tier, variant, len(reason)) + reason


def read_event(event: bytes) -> Beacon | Fill:
    """The event in `event`; raises `Unreadable`."""
    read = _READERS.get(event[0]) if event else None
    if read is None:
        raise Unreadable("it begins with no format that this version knows")
    try:
        return read(event)
    except (struct.error, ValueError, IndexError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _read_beacon(event: bytes) -> Beacon:
    kind, served = unpack(event[1 : 1 + BODY_BYTES])
    at_s, variant, flags = _BEACON_TAIL.unpack_from(event, 1 + BODY_BYTES)
    reason = event[_REASON_AT:].decode("ascii")
    if reason and reason not in NAMES:
        raise ValueError(f"no reason is called {reason!r}")
    return Beacon(
        kind=kind, served=served, at_s=at_s, variant=served.variant if variant == NONE else variant,
        is_first=bool(flags & FIRST), is_measurable=bool(flags & MEASURABLE), reason=reason,
    )  # fmt: skip


def _read_fill(event: bytes) -> Fill:
    _, request, at_s, site, place, topic, page, slots, refusals = _FILL_HEAD.unpack_from(event)
    fill = Fill(request=request, at_s=at_s, site=site, place=place, topic=topic, slots=(), device=page & 15,
                refresh=page >> 4)  # fmt: skip
    return _with_slots(fill, _Cursor(event, _FILL_HEAD.size), slots, refusals)


def _read_fill_before(event: bytes) -> Fill:
    _, request, at_s, site, place, topic, slots, refusals = _FILL_BEFORE_HEAD.unpack_from(event)
    fill = Fill(request=request, at_s=at_s, site=site, place=place, topic=topic, slots=())
    return _with_slots(fill, _Cursor(event, _FILL_BEFORE_HEAD.size), slots, refusals)


def _with_slots(fill: Fill, cursor: _Cursor, slots: int, refusals: int) -> Fill:
    outcomes = []
    for _ in range(slots):
        slot, flight, creative, version, tier, variant, length = cursor.take(_SLOT)
        outcomes.append(
            SlotOutcome(slot=slot, flight=flight, creative=creative, version=version, tier=tier, variant=variant,
                        reason=cursor.text(length))
        )  # fmt: skip
    capped = []
    for _ in range(refusals):
        slot, flight, length = cursor.take(_REFUSAL)
        capped.append(Refusal(slot=slot, flight=flight, cap=cursor.text(length)))
    if cursor.left:
        raise ValueError(f"{cursor.left} bytes too many")
    return replace(fill, slots=tuple(outcomes), capped=tuple(capped))


class _Cursor:
    def __init__(self, event: bytes, at: int) -> None:
        self._event = event
        self._at = at

    @property
    def left(self) -> int:
        """How many bytes were not taken."""
        return len(self._event) - self._at

    def take(self, shape: struct.Struct) -> tuple[int, ...]:
        values = shape.unpack_from(self._event, self._at)
        self._at += shape.size
        return values

    def text(self, length: int) -> str:
        raw = self._event[self._at : self._at + length]
        if len(raw) < length or length > REASON_BYTES_MAX:
            raise ValueError("a text is cut off or too long")
        self._at += length
        return raw.decode("ascii")


_READERS: Mapping[int, Callable[[bytes], Beacon | Fill]] = {
    BEACON: _read_beacon, FILL_BEFORE: _read_fill_before, FILL: _read_fill,
}  # fmt: skip
"""By the first byte of an event."""
