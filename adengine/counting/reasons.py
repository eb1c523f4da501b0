"""Why a beacon that was received does not count: the one table. The first that applies, from the top, is its reason.

A beacon that counts has the empty reason. A reason travels as its name from the worker through the record script to
the rollup.
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
    Reason("head", "The request was a HEAD: somebody looked where it leads."),
    Reason("prefetch", "A browser loaded the page ahead, before anybody had asked for it."),
    Reason("bot", "The user agent is a robot's, by crawler-user-agents."),
    Reason("data_centre", "The address is in a data centre of the operator's list."),
    Reason("internal", "The address is one of the operator's own."),
    Reason("blocked", "The address is in a network that the operator has blocked."),
    Reason("no_impression", "A viewable or click whose impression had not been reported."),
    Reason("too_fast", "A click sooner after its impression than a hand can be."),
    Reason("rate", "More beacons in a minute than one reader, or one block of addresses, can have reason for."),
    Reason("not_billable", "The flight was archived before the beacon came."),
    Reason("duplicate", "The same event of the same fill had been recorded before."),
    Reason("late", "The impression came after its hold had lapsed; so did what followed from it."),
)
NAMES = frozenset(row.name for row in REASONS)
