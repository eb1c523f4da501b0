"""How a flat price accrues while its flight runs: evenly with time, to the micro. Pure.

What has accrued by a moment is one whole number, and what a span of time costs is the difference of two of them. So the
parts of every cut of time, in any zone, add up exactly, and the whole run costs exactly the price. An edit moves what
is not due yet, never what is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed on of one flight, until it was agreed on otherwise."""

    micros: int | None
    """For the whole flight; None: it had no flat price."""
    starts_at_s: int
    ends_at_s: int | None
    until_s: int | None
    """When they were edited, or the flight was archived; None: they are in force."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some time in which what is owed goes from one amount to another in a straight line."""

    begin_s: int
    end_s: int
    """Not after `begin_s`: all of it falls due as soon as it begins."""
    stop_s: int | None
    """It ends before its end there."""
    owed: int
    """When it begins, micros."""
    price: int
    """When it ends."""

    def at(self, at_s: int) -> int:
        """What is owed by `at_s`, behind `begin_s`."""
        now_s = at_s if self.stop_s is None else min(at_s, self.stop_s)
        if now_s >= self.end_s:
            return self.price
        return self.owed + (self.price - self.owed) * (now_s - self.begin_s) // (self.end_s - self.begin_s)


@dataclass(frozen=True, slots=True)
class Account:
    """What one flight's flat prices come to."""

    pieces: tuple[Piece, ...]
    """As time passes; between them nothing falls due."""

    def owed(self, at_s: int) -> int:
        """Micros that have fallen due before `at_s`."""
        for piece in reversed(self.pieces):
            if piece.begin_s < at_s:
                return piece.at(at_s)
        return 0

    @property
    def bounds_s(self) -> tuple[int, int]:
        """Nothing falls due before the first nor from the second on; (0, 0) if there are no pieces."""
        if not self.pieces:
            return 0, 0
        return self.pieces[0].begin_s, max(max(piece.end_s, piece.begin_s + 1) for piece in self.pieces)


def account_of(agreed: Iterable[Terms], since_s: int) -> Account:
    """agreed: as they followed each other.  since_s: when the flight was made; nothing is due before.

    New terms spread what is not due yet over what is left of the run; where nothing is left, it falls due at once. A
    flight without an end owes all of it when it starts.
    """
    pieces: list[Piece] = []
    owed = 0
    for terms in agreed:
        begin_s = max(terms.starts_at_s, since_s)
        if terms.micros is not None and terms.micros != owed and (terms.until_s is None or begin_s < terms.until_s):
            end_s = begin_s if terms.ends_at_s is None else max(begin_s, terms.ends_at_s)
            piece = Piece(begin_s, end_s, terms.until_s, owed, terms.micros)
            pieces.append(piece)
            owed = piece.at(terms.until_s) if terms.until_s is not None else terms.micros
        since_s = max(since_s, terms.until_s or since_s)
    return Account(tuple(pieces))


def due(account: Account, edges_s: Sequence[int]) -> list[tuple[int, int]]:
    """(number of a span, micros) where any fall due.

    edges_s: ascending; span n is from edge n to before edge n + 1.
    """
    begin_s, end_s = account.bounds_s
    first = max(bisect_right(edges_s, begin_s) - 1, 0)
    found: list[tuple[int, int]] = []
    before = account.owed(edges_s[first])
    for number in range(first, len(edges_s) - 1):
        if edges_s[number] >= end_s:
            break
        now = account.owed(edges_s[number + 1])
        if now != before:
            found.append((number, now - before))
        before = now
    return found
