"""Dead letters: events that could not be read, tried again once the engine can. Pure but for the ledger it is given."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adengine.counting.events import Unreadable, read_event
from adengine.counting.ledger import DeadLetter, Ledger
from adengine.counting.postings import Posting, StreamId, postings


@dataclass(frozen=True, slots=True)
class Retried:
    counted: int
    """Events and measurables that were new in the sums."""
    read: int
    """Letters that could be read, and are none any more."""
    unread: tuple[DeadLetter, ...]
    """With what is wrong with them now."""


def retry(ledger: Ledger, now_s: int) -> Retried:
    """Counts every dead letter that can be read by now. Raises `DatabaseUnavailable`."""
    read: list[DeadLetter] = []
    unread: list[DeadLetter] = []
    found: list[Posting] = []
    for letter in ledger.letters():
        try:
            found += postings(read_event(letter.event), letter.bucket, StreamId(letter.ms, letter.seq))
        except Unreadable as error:
            unread.append(replace(letter, problem=str(error)))
        else:
            read.append(letter)
    counted = ledger.bury(read, found, now_s) if read else 0
    return Retried(counted, len(read), tuple(unread))
