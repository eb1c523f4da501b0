"""Which requests are the same request. Pure.

draft-ietf-httpapi-idempotency-key-header-07: the caller chooses the name; given to another request it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from adengine.errors import Invalid, Mistake

HEADER = "Idempotency-Key"
NAME_PATTERN = r"^[!-~]{1,255}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A request that its caller gave a name."""

    caller: int
    """The id of his key."""
    name: str
    sha256: bytes
    """Of all that decides what the request does."""


def named(caller: int, header: str | None, *parts: str | bytes) -> Named | None:
    """None without the header.  parts: method, address with its query, media type, body.

    Raises `Invalid` for a name that is no name.
    """
    if header is None:
        return None
    if not re.fullmatch(NAME_PATTERN, header):
        raise Invalid([Mistake(f"header:{HEADER}", "must be 1 to 255 visible ASCII characters")])
    hashed = sha256()
    for part in parts:
        given = part if isinstance(part, bytes) else part.encode("utf-8", "surrogateescape")
        hashed.update(len(given).to_bytes(8, "big") + given)
    return Named(caller=caller, name=header, sha256=hashed.digest())
