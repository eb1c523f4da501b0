"""Request ids: ULIDs, 16 bytes inside, 26 letters outside; in every answer (X-Request-Id), problem and log line.

A ULID is 48 bits of epoch milliseconds and 80 random bits, so ids sort by time (github.com/ulid/spec).
A client's own X-Request-Id is not taken over: the id also names counted events and so must be ours.
"""

from __future__ import annotations

import time

import flask

from adengine.native import reading
from adengine.randomness import Draws

HEADER = "X-Request-Id"
LETTERS = 26
_TAILS = Draws(10)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DIGITS = {letter: digit for digit, letter in enumerate(_CROCKFORD)}
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
"""By ten bits, their two letters."""
_SHIFTS = range(120, -1, -10)


def current() -> str | None:
    """The id of the request being answered; None before it has one."""
    return getattr(flask.g, "request_id", None) if flask.has_request_context() else None


def new() -> bytes:
    """A fresh id, 16 bytes: now, and 80 random bits."""
    return ulid(int(time.time() * 1000), _TAILS.take())


def ulid(now_ms: int, tail: bytes) -> bytes:
    """tail: 10 random bytes."""
    return now_ms.to_bytes(6, "big") + tail


def text_of(id_: bytes) -> str:
    """The 26 letters of 16 bytes."""
    if reading is not None:
        return reading.letters(id_)
    number = int.from_bytes(id_, "big")
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def bytes_of(text: str) -> bytes | None:
    """The 16 bytes of a spelled id, case ignored; None if it is none."""
    digits = [_DIGITS.get(letter) for letter in text.upper()]
    if len(digits) != LETTERS or None in digits or (digits[0] or 0) > 7:
        return None
    number = 0
    for digit in digits:
        number = number << 5 | (digit or 0)
    return number.to_bytes(16, "big")
