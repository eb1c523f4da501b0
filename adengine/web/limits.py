"""How often management and report routes may be called: a shield against a client in a loop, not a quota.

Counted in each worker's memory, per key (its digest) or, without one, per address: it needs no store, so it holds
while one is away, and a key may call up to `workers` times as often. Fills and beacons are never limited here, and
pay nothing for it: the check hangs on the blueprints that it guards.
"""

from __future__ import annotations

import math
import time

import flask
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from adengine.errors import TooMany
from adengine.web import auth

MANAGEMENT = "6000 per minute"
_CALLER_CHARS = 16


class Limiter:
    """Refuses a caller beyond `rate` ("6000 per minute"); one per app, shared by its guarded blueprints."""

    def __init__(self, rate: str = MANAGEMENT) -> None:
        self._rate = parse(rate)
        self._windows = FixedWindowRateLimiter(MemoryStorage())

    def guard(self, *blueprints: flask.Blueprint) -> None:
        """Every route of `blueprints` counts; call before they are registered."""
        for blueprint in blueprints:
            blueprint.before_request(self._count)

    def _count(self) -> None:
        caller = _caller()
        if not self._windows.hit(self._rate, caller):
            ends_at_s = self._windows.get_window_stats(self._rate, caller).reset_time
            raise TooMany(f"at most {self._rate} with one key", max(1, math.ceil(ends_at_s - time.time())))


def _caller() -> str:
    authorization = flask.request.headers.get("Authorization")
    if authorization:
        return auth.digest(authorization).hex()[:_CALLER_CHARS]
    return flask.request.remote_addr or "unknown"
