"""The failures of the product, named by what the caller can do about them.

Raise near the cause, translate once (`web.problems`), catch narrowly. A slot that stays empty is an
answer with a reason (`serving.reasons`), never one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with what the caller sent, and where."""

    pointer: str
    """JSON pointer into the body (`/variants/0/text`), or `?name` for a query parameter, `header:Name` for a header."""
    detail: str


class AdengineError(Exception):
    """A failure with a sentence for the caller in `detail`."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Invalid(AdengineError):
    """The request is wrong; `mistakes` holds every one of them. 422."""

    def __init__(self, mistakes: Sequence[Mistake], detail: str | None = None) -> None:
        count = len(mistakes)
        super().__init__(detail or f"{count} mistake{'' if count == 1 else 's'} in the request")
        self.mistakes = tuple(mistakes)


class Malformed(AdengineError):
    """The body is not what its type says (JSON, CSV, UTF-8). 400."""


class Unauthorized(AdengineError):
    """No key, or one that we do not know. 401."""


class Forbidden(AdengineError):
    """A known key without the scope this needs. 403."""


class NotFound(AdengineError):
    """Absent, or another tenant's: the two are never told apart. 404."""


class Conflict(AdengineError):
    """The object is not in a state that allows this. 409."""


class PreconditionFailed(AdengineError):
    """`If-Match` names an older version. 412."""


class PreconditionRequired(AdengineError):
    """A change without `If-Match`. 428."""


class TooLarge(AdengineError):
    """More than the published limit. 413."""


class TooMany(AdengineError):
    """Called too often. 429, after `retry_after_s` seconds."""

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(AdengineError):
    """A part of ours is away; nothing was stored. 503, retry after `retry_after_s` seconds."""

    retry_after_s = 2


class StoreUnavailable(Unavailable):
    """Valkey/Redis did not answer in time, or the breaker is open. A fill degrades instead of failing."""


class DatabaseUnavailable(Unavailable):
    """The SQL database did not answer. A fill goes on from its last snapshot."""


class Unsafe(AdengineError):
    """Refused at start: the stores or settings would lose or falsify counts. The sentence says what to do."""
