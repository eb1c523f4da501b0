"""Why a beacon that was received does not count: the one table. The first that applies, from the top, is its reason.

A beacon that counts has the empty reason. Filters of invalid traffic will add rows; nothing else changes for them,
because a reason travels as its name from the worker through the record script to the rollup.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    name: str
    meaning: str
    reported: bool = True
    """False: only in the workers' metrics, because there is nothing to attribute it to, or it is nobody's traffic."""


REASONS: tuple[Reason, ...] = (
    Reason("forged", "The token was not signed by us, or is not one of this kind of beacon.", reported=False),
    Reason("unknown_key", "The token was signed with a key that is no longer honoured.", reported=False),
    Reason("preview", "The fill was a preview or a rehearsal; those count nothing.", reported=False),
    Reason("future", "The token was issued later than now by more than our clocks may differ."),
    Reason("expired", "The token was too old: two hours for impressions and viewables, 24 hours for clicks."),
    Reason("duplicate", "The same event of the same fill had been recorded before."),
    Reason("no_impression", "A viewable or click whose impression had not been reported."),
    Reason("late", "The impression came after its hold had lapsed; so did what followed from it."),
)
NAMES = frozenset(row.name for row in REASONS)
