"""Readers who asked to be forgotten, told to the decision logs of all machines through the store."""

from __future__ import annotations

from adengine.decisions.log import DAY_S, HOUR_S
from adengine.store import keys
from adengine.store.client import Store


class Forgotten:
    """Every call raises `StoreUnavailable` when the store is away."""

    def __init__(self, store: Store, keep_days: int) -> None:
        """keep_days: how long decisions are kept at all."""
        self._store = store
        self._keep_s = keep_days * DAY_S + HOUR_S

    def add(self, rid: bytes, now_s: int) -> None:
        self._store.read(
            ("ZADD", keys.FORGOTTEN, now_s, rid.hex()),
            ("ZREMRANGEBYSCORE", keys.FORGOTTEN, 0, now_s - self._keep_s),
        )

    def all(self) -> dict[str, int]:
        """Reader (hex) -> when he was forgotten last, epoch s."""
        (flat,) = self._store.read(("ZRANGE", keys.FORGOTTEN, 0, -1, "WITHSCORES"))
        return {rid.decode("ascii"): int(float(at_s)) for rid, at_s in zip(flat[::2], flat[1::2], strict=True)}
