"""The time zones that people may name: those of the IANA. Pure but for the system's files, read once."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones


@cache
def names() -> frozenset[str]:
    """Without `localtime`, which is on some machines and means another zone on each."""
    return frozenset(available_timezones()) - {"localtime"}
