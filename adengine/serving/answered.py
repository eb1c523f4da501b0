"""What a page gets, and what two lines tell each other of it. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import orjson

from adengine.caps.records import Seen
from adengine.catalog.nouns import Key
from adengine.serving import answer
from adengine.serving.budget import Budget
from adengine.serving.decision import Decision
from adengine.serving.outside import Moment
from adengine.serving.request import Asked

FILLED, EMPTY = "filled", "empty"


class Answered(NamedTuple):
    """What a page gets."""

    body: bytes
    """JSON."""
    fates: tuple[tuple[str, str | None], ...]
    """(status, reason) of each slot."""
    degraded: str | None
    decision: Decision | None = None
    """By which it was seated; None: it was not."""

    @property
    def document(self) -> dict[str, Any]:
        """The body's JSON, read."""
        read: dict[str, Any] = orjson.loads(self.body)
        return read


class Told(NamedTuple):
    """What the store has said to a page that was seated before, and did not get what it wanted."""

    budget: Budget
    """What is left of it."""
    seen: Seen | None
    """By the reader; None: it did not answer, so it must not be asked again."""


class Express(Protocol):
    """What is asked of `express.line.Express`."""

    def fill(self, asked: Asked, key: Key | None, moment: Moment, /) -> Answered | Told | None: ...


def nothing(asked: Asked, moment: Moment, reason: str, *, degraded: str | None) -> Answered:
    """The answer that leaves every slot of a page empty."""
    fills = [answer.empty(slot, reason) for slot in asked.slots]
    return Answered(
        body=answer.page(moment.request_id, degraded, fills),
        fates=tuple([(EMPTY, reason)] * len(fills)),
        degraded=degraded,
    )
