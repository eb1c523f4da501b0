"""Tokens: what a beacon's address carries, signed, so that a beacon is verified in memory and trusts nothing else.

84 bytes in 112 base64url characters; big-endian:

    u8 version << 4 | kind     u8 kid    u8 pick << 4 | flags (1 held, 2 preview, 4 brief, 8 refresh & 1)
    u8 lease >> 2 << 6 | tier << 4 | (lease & 3) << 2 | price model
    u32 issued_s    16B request    u32 site    u32 slot    u32 flight    u32 creative    u16 creative's version
    u8 (refresh & 2) << 6 | device << 4 | variant (15: none)    u32 place    u32 topic    u40 price, micros
    8B reader (zeros: none)    u32 view
    16B MAC: BLAKE2b of all before, keyed

Without a device, and with a refresh below 2, the variant's byte is the variant alone, as before there were such: none
is 255 there. So tokens of older engines are read, and older workers take the new ones; device 7 must never be given.
lease: 0, or in which `LEASE_WINDOW_S` pacing leased the impression, as the windows from there to issued_s + LEASE_BIAS.

Neither an address nor the reader's own key nor a price in words is inside. Pure: `now_s` and the ring come in.
"""

from __future__ import annotations

import binascii
import hmac
import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from adengine.catalog.nouns import Price, Tier
from adengine.counting.keyring import KeyRing
from adengine.counting.metrics import NONE, Kind

PURPOSE = "beacon tokens"
VERSION = 1
BODY_BYTES = 68
MAC_BYTES = 16
CHARS = (BODY_BYTES + MAC_BYTES) // 3 * 4
LIVES_S = {Kind.IMPRESSION: 2 * 3600, Kind.VIEWABLE: 2 * 3600, Kind.CLICK: 24 * 3600}
SKEW_S = 5 * 60
"""How far the clocks of two of our machines may differ."""

LEASE_WINDOW_S = 5
"""As in pacing/lease.lua."""
LEASE_BIAS, LEASE_CODES = 4, 15
"""So that clocks may differ by three windows; a lease of more than eleven windows ago is not told."""
HELD, PREVIEW, BRIEF = 1, 2, 4
PRICE_MODELS = ("cpm", "cpc", "flat")
"""By their number in a token; never reorder."""
_MODEL_NUMBERS = {model: number for number, model in enumerate(PRICE_MODELS)}
_BODY = struct.Struct(">BBBBI16sIIIIHBIIBI8sI")
_TAIL = struct.Struct(">BBBI16sIIIIHBIIBI8sI")
_FIRST = [bytes([VERSION << 4 | kind]) for kind in Kind]
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")
_NO_READER = bytes(8)
_NO_VARIANT = 15


class Served(NamedTuple):
    """What a fill tells its beacons about one pick. Whole numbers are u32 unless they say otherwise; 0 is none."""

    issued_s: int
    request: bytes
    """The request id, 16 bytes."""
    pick: int
    """0..15: which of the request's slots."""
    site: int
    slot: int
    flight: int
    creative: int
    version: int
    """u16."""
    tier: Tier
    price: Price
    """micros: u40."""
    view: int
    """The page view, 31 bits, as the reader log has it."""
    reader: bytes | None = None
    """The reader's id, 8 bytes."""
    held: bool = False
    """Whether the reader log holds a pending record that the impression must confirm."""
    brief: bool = False
    """Whether the impression counts no longer than a hold would live, though nothing is held."""
    preview: bool = False
    leased: int | None = None
    """The window, epoch s // `LEASE_WINDOW_S`, in which pacing leased the impression, if it did and can be told."""
    variant: int = NONE
    """Index of the variant shown, below 15; `NONE`: the browser picks."""
    place: int = 0
    topic: int = 0
    device: int = 0
    """0..6, as `catalog.targets.devices.number_of` tells it; 0: not known."""
    refresh: int = 0
    """0..`REFRESH_MAX`."""


class TokenMinter:
    """Signs with the ring's current key. One is shared by all threads."""

    def __init__(self, ring: KeyRing) -> None:
        self.kid = ring.current
        self.keyed = blake2b(key=ring.keys[ring.current], digest_size=MAC_BYTES)

    def mint(self, served: Served) -> tuple[str, str, str]:
        """The texts of the impression's, the viewable's and the click's token."""
        tail = _packed_tail(served, self.kid)
        impression, viewable, click = _FIRST
        # 84 bytes each: none ends within a group of base64, so all three are spelled at once
        raw = self._signed(impression + tail) + self._signed(viewable + tail) + self._signed(click + tail)
        text = binascii.b2a_base64(raw, newline=False).translate(_TO_URL).decode("ascii")
        return text[:CHARS], text[CHARS : 2 * CHARS], text[2 * CHARS :]

    def word(self, name: str) -> str:
        """32 letters that nobody can tell without the key; always the same ones."""
        mac = self.keyed.copy()
        mac.update(b"word " + name.encode("utf-8"))
        return mac.hexdigest()

    def _signed(self, body: bytes) -> bytes:
        mac = self.keyed.copy()
        mac.update(body)
        return body + mac.digest()


@dataclass(frozen=True, slots=True)
class Opened:
    """A token as read: what it says and its body, if it is one of ours, and else the reason why not."""

    served: Served | None
    body: bytes
    reason: str
    """Empty, `forged` or `unknown_key`."""


class TokenReader:
    """Verifies with every key of the ring. One is shared by all threads."""

    def __init__(self, ring: KeyRing) -> None:
        self._keyed = {kid: blake2b(key=key, digest_size=MAC_BYTES) for kid, key in ring.keys.items()}

    def read(self, text: str, kind: Kind) -> Opened:
        """The token in `text`, however old, if it is ours and of this kind. Never raises."""
        raw = _decoded(text)
        if raw is None or raw[0] != VERSION << 4 | kind:
            return Opened(None, b"", "forged")
        keyed = self._keyed.get(raw[1])
        if keyed is None:
            return Opened(None, b"", "unknown_key")
        body, mac = raw[:BODY_BYTES], keyed.copy()
        mac.update(body)
        if not hmac.compare_digest(mac.digest(), raw[BODY_BYTES:]):
            return Opened(None, b"", "forged")
        return Opened(unpack(body)[1], body, "")


def age_problem(served: Served, kind: Kind, now_s: int) -> str:
    """`future`, `expired`, or nothing if the token may still be used for `kind` at `now_s`."""
    if served.issued_s > now_s + SKEW_S:
        return "future"
    if served.issued_s + LIVES_S[kind] + SKEW_S < now_s:
        return "expired"
    return ""


def unpack(body: bytes) -> tuple[Kind, Served]:
    """The kind and content of the signed part of a token; raises struct.error or ValueError if it cannot be one."""
    (first, _kid, pick, tier, issued_s, request, site, slot, flight, creative, version, variant, place, topic,
     high, low, reader, view) = _BODY.unpack(body)  # fmt: skip
    model, lease = tier & 3, tier >> 6 << 2 | tier >> 2 & 3
    further, variant = (0, NONE) if variant == NONE else (variant >> 4, variant & _NO_VARIANT)
    if first >> 4 != VERSION or model >= len(PRICE_MODELS):
        raise ValueError("not the body of a token")
    served = Served(
        issued_s=issued_s, request=request, pick=pick >> 4, site=site, slot=slot, flight=flight, creative=creative,
        version=version, variant=NONE if variant == _NO_VARIANT else variant, place=place, topic=topic, view=view,
        device=further & 7, refresh=further >> 3 << 1 | pick >> 3 & 1,
        tier=Tier(tier >> 4 & 3), price=Price(model=PRICE_MODELS[model], micros=high << 32 | low),
        reader=None if reader == _NO_READER else reader, held=bool(pick & HELD), preview=bool(pick & PREVIEW),
        brief=bool(pick & BRIEF), leased=issued_s // LEASE_WINDOW_S + LEASE_BIAS - lease if lease else None,
    )  # fmt: skip
    return Kind(first & 15), served


def _packed_tail(served: Served, kid: int) -> bytes:
    """All of the body but its first byte, which has the kind."""
    (issued_s, request, pick, site, slot, flight, creative, version, tier, price, view, reader, held, brief, preview,
     leased, variant, place, topic, device, refresh) = served  # fmt: skip
    lease = 0
    if leased is not None:
        lease = issued_s // LEASE_WINDOW_S - leased + LEASE_BIAS
        lease = lease if 0 < lease <= LEASE_CODES else 0
    micros, further = price.micros, refresh >> 1 << 3 | device
    return _TAIL.pack(
        kid, pick << 4 | held | preview << 1 | brief << 2 | (refresh & 1) << 3,
        lease >> 2 << 6 | tier << 4 | (lease & 3) << 2 | _MODEL_NUMBERS[price.model],
        issued_s, request, site, slot, flight, creative, version,
        further << 4 | variant & _NO_VARIANT if further else variant, place, topic,
        micros >> 32, micros & 0xFFFFFFFF, reader or _NO_READER, view,
    )  # fmt: skip


def _decoded(text: str) -> bytes | None:
    """The bytes of a token's text; None unless it is spelled exactly as `mint` spells."""
    if len(text) != CHARS or not text.isascii():
        return None
    try:
        return binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL), strict_mode=True)
    except binascii.Error:
        return None
