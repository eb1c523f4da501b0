"""Keys for signing, derived from the operator's secret; one ring per purpose, so that a key never serves two.

HKDF with SHA-256 (RFC 5869). Pure.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

KEY_BYTES = 32
_SALT = b"adengine"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one purpose by their id (kid, one byte). The current one signs, all of them verify."""

    current: int
    keys: Mapping[int, bytes]


def key_ring(purpose: str, secret: str, *older: str) -> KeyRing:
    """The ring of `purpose` over the secret in force and older ones that are still honoured.

    A kid is a byte derived from its secret, so that no numbering is kept; raises ValueError when two secrets share one.
    """
    secrets = (secret, *older)
    kids = [_expand(text, "kid", 1)[0] for text in secrets]
    if len(set(kids)) < len(kids):
        raise ValueError("two secrets share a key id; choose another secret")
    keys = {kid: _expand(text, purpose, KEY_BYTES) for kid, text in zip(kids, secrets, strict=True)}
    return KeyRing(kids[0], keys)


def key_for(purpose: str, secret: str) -> bytes:
    """The key of a purpose that only one is needed for."""
    ring = key_ring(purpose, secret)
    return ring.keys[ring.current]


def _expand(secret: str, purpose: str, length: int) -> bytes:
    """HKDF's extract and its first block; length: at most 32 bytes."""
    extracted = hmac.digest(_SALT, secret.encode("utf-8"), hashlib.sha256)
    return hmac.digest(extracted, purpose.encode("ascii") + b"\x01", hashlib.sha256)[:length]
