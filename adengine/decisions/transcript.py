"""What one page asked of the outside and was answered, in order: written by `witness`, read by `replay`. Pure.

A page is decided by its request, the snapshot, the pacer's sheet and these answers, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from adengine.errors import StoreUnavailable

Note: TypeAlias = tuple[str, Any]
"""(what was asked, the answer as a JSON value)."""
AWAY = "away"
"""Behind what was asked, when the store did not answer; the answer is why."""
T = TypeVar("T")


class Differs(Exception):
    """The page that is replayed asks something else than the one that was logged."""


class Transcript:
    """Grows as a page is answered; one page is one thread."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def note(self, asked: str, answer: Any) -> None:
        self.notes.append((asked, answer))

    def asking(self, asked: str, ask: Callable[[], T], spell: Callable[[T], Any]) -> T:
        """The store's answer, noted; when it is away that is noted too, and raised."""
        try:
            answer = ask()
        except StoreUnavailable as error:
            self.note(asked + AWAY, error.detail)
            raise
        self.note(asked, spell(answer))
        return answer


class Script:
    """A transcript that is read again."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._notes = list(notes)
        self._at = 0

    def answer(self, asked: str) -> Any:
        """The next answer; raises `Differs` if it was to something else, `StoreUnavailable` if the store was away."""
        if self._at >= len(self._notes):
            raise Differs(f"it asks for {asked!r} where the logged page asked nothing more")
        said, answer = self._notes[self._at]
        self._at += 1
        if said == asked + AWAY:
            raise StoreUnavailable(str(answer))
        if said != asked:
            raise Differs(f"it asks for {asked!r} where the logged page asked for {said!r}")
        return answer
