"""Making the secret of a key. Pure: the randomness comes in.

A key made over HTTP is derived from the maker's own key and a stored salt, so that a repeated `Idempotency-Key` request
is answered with the same key although no key is stored: neither the database nor the maker's key alone gives it away.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

MARK = "ade_"
"""Lets scanners for leaked secrets find it."""
SALT_BYTES = 32
PREFIX_CHARS = len(MARK) + 6


def derived(maker: bytes, salt: bytes) -> str:
    """A key of 256 bits.  maker, salt: 32 random bytes each, at least one of them never stored."""
    drawn = hmac.new(maker, b"adengine api key" + salt, sha256).digest()
    return MARK + urlsafe_b64encode(drawn).rstrip(b"=").decode("ascii")


def prefix(key: str) -> str:
    return key[:PREFIX_CHARS]
