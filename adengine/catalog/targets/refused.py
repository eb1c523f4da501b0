"""What every dimension raises for a value that it cannot take. Pure."""

from __future__ import annotations

from typing import Any


class Refused(ValueError):
    """A value that means nothing in its dimension; the message says what would."""


def quoted(value: Any) -> str:
    return repr(str(value)[:80])


def one_of(value: Any, names: frozenset[str], none: str) -> str:
    """`value`, if it is one of `names`.  none: how the refusal begins, "no slot is called"."""
    if isinstance(value, str) and value in names:
        return value
    some = ", ".join(sorted(names)[:20]) or "none yet"
    raise Refused(f"{none} {quoted(value)}; there are: {some}")
