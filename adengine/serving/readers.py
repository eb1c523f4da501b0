"""Who a reader is to us: eight bytes that mean nothing without the operator's secret, different on every site. Pure.

Nothing else of the reader is kept but what was shown under those eight bytes (`reader_document`).
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import Any

from adengine.caps.records import LEVELS, Seen
from adengine.catalog import ids
from adengine.counting.keyring import key_ring
from adengine.web import instants

RID_BYTES = 8


class ReaderIds:
    """From a publisher's reader keys to our ids; one is shared by all threads."""

    def __init__(self, secret: str) -> None:
        self._key = lru_cache(maxsize=4096)(lambda site: _site_key(secret, site))

    def rid(self, site: int, reader_key: str) -> bytes:
        """8 bytes: HMAC-SHA256 of the key, cut.

        Two of a million readers share one with a chance of 3e-8. Sites cannot compare readers, nor can anybody who
        has the store but not the secret. With another secret every reader is a new one, and his caps begin anew.
        """
        key = self._key(site)
        return hmac.digest(key, reader_key.encode("utf-8", "surrogatepass"), "sha256")[:RID_BYTES]


def _site_key(secret: str, site: int) -> bytes:
    ring = key_ring(f"readers of site {site}", secret)
    return ring.keys[ring.current]


def reader_document(seen: Seen) -> dict[str, Any]:
    """All that the store keeps of a reader, for the reader."""
    return {
        "impressions": [_impression(record) for record in seen.records],
        "lifetimes": [_lifetime(field, n) for field, n in seen.totals.items()],
    }


def _impression(record: Any) -> dict[str, Any]:
    at = instants.spelled(record.ts)
    named = {noun: ids.public(noun, getattr(record, noun)) for noun in LEVELS}
    return {**named, "status": "shown" if record.mark & 1 else "held", "at": at}


def _lifetime(field: str, n: int) -> dict[str, Any]:
    owner, level, id_ = map(int, field.split(":"))
    noun = LEVELS[level - 1]
    return {"flight": ids.public("flight", owner), "per": noun, "id": ids.public(noun, id_), "impressions": n}
