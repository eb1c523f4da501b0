"""The rules of a page read plainly, and its best by trying everything: what `allocate` is held against."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adengine.catalog.snapshot import Candidates
from adengine.serving.draw import Floats, drawn

Page = tuple[int | None, ...]
Seats = tuple[tuple[int, int], ...]
Value = tuple[int, int, int, float, Seats]
"""Of a class on a page: slots filled, their weights, how early they stand, what the fills are worth; the seats."""


@dataclass(frozen=True, kw_only=True)
class Question:
    book: Candidates
    eligible: Sequence[np.ndarray]
    seed: int
    exclusive: Collection[str] = ("advertiser",)
    weights: Sequence[float] = ()
    scores: Floats | None = None

    @property
    def slots(self) -> range:
        return range(len(self.eligible))

    def weight(self, slot: int) -> float:
        return self.weights[slot] if self.weights else 1.0

    def may_stand_together(self, page: Sequence[int | None]) -> bool:
        return all(
            self._may_stand_beside(a, b) for a, b in itertools.combinations([row for row in page if row is not None], 2)
        )

    def pages(self) -> Iterator[Page]:
        """Every page that the rules allow."""
        mixed = [[None, *self._of(slot, whole_page=False)] for slot in self.slots]
        yield from (page for page in itertools.product(*mixed) if self.may_stand_together(page))
        for flight in self.of_whole_pages():
            yield from itertools.product(*[self._of(slot, whole_page=True, flight=flight) for slot in self.slots])

    def of_whole_pages(self) -> set[int]:
        """The flights that want the page whole and may stand in all of its slots."""
        if len(self.eligible) == 1:
            return set()
        book = self.book
        return set.intersection(
            *({int(book.flight[row]) for row in rows if book.whole_page[row]} for rows in self.eligible)
        )

    def worths(self) -> list[dict[int, float]]:
        """What each candidate is worth in each slot: as it was drawn among its class."""
        found = []
        for slot, rows in enumerate(self.eligible):
            rows = np.array([row for row in rows if self._is_complete(row)], np.int64)
            worth: dict[int, float] = {}
            for rank in np.unique(self.book.rank[rows]):
                of_class = rows[self.book.rank[rows] == rank]
                order, worths = drawn(self.book, of_class, self.seed, slot, self.scores)
                worth |= dict(zip(order.tolist(), worths.tolist(), strict=True))
            found.append(worth)
        return found

    def value(self, page: Page, worths: list[dict[int, float]]) -> list[Value]:
        """Class by class, best first."""
        ranks = sorted({int(rank) for rank in self.book.rank})
        return [self._value_of_class(page, rank, worths) for rank in ranks]

    def _value_of_class(self, page: Page, rank: int, worths: list[dict[int, float]]) -> Value:
        seats = [(slot, row) for slot, row in enumerate(page) if row is not None and self.book.rank[row] == rank]
        weights = sum(int(self.weight(slot) * 1000) for slot, _ in seats)
        early = sum(len(self.eligible) - slot for slot, _ in seats)
        worth = sum(self._worth(slot, row, worths[slot]) for slot, row in seats)
        return len(seats), weights, early, worth, tuple(seats)

    def _worth(self, slot: int, row: int, worth: dict[int, float]) -> float:
        """A flight of whole pages is worth the same with each of its creatives: as much as with the best."""
        if self.book.whole_page[row] and len(self.eligible) > 1:
            return self.weight(slot) * max(
                w for other, w in worth.items() if self.book.flight[other] == self.book.flight[row]
            )
        return self.weight(slot) * worth[row]

    def _of(self, slot: int, *, whole_page: bool, flight: int | None = None) -> list[int]:
        wanted = whole_page if len(self.eligible) > 1 else None
        return [
            int(row)
            for row in self.eligible[slot]
            if wanted in (None, bool(self.book.whole_page[row])) and flight in (None, int(self.book.flight[row]))
        ]

    def _is_complete(self, row: int) -> bool:
        return (
            len(self.eligible) == 1
            or not self.book.whole_page[row]
            or int(self.book.flight[row]) in self.of_whole_pages()
        )

    def _may_stand_beside(self, a: int, b: int) -> bool:
        book = self.book
        if book.house[a] or book.house[b]:
            return True
        if book.flight[a] == book.flight[b]:
            return bool(book.companion[a] or book.whole_page[a])
        if "advertiser" in self.exclusive and book.advertiser[a] == book.advertiser[b]:
            return False
        if set(book.labels[book.flight_row[a]]) & set(book.labels[book.flight_row[b]]):
            return False
        return "category" not in self.exclusive or not set(book.categories[a]) & set(book.categories[b])


def best(question: Question) -> list[Value]:
    """The value of the best page of all."""
    worths = question.worths()
    return max(question.value(page, worths) for page in question.pages())


def is_as_good(value: list[Value], best: list[Value]) -> bool:
    """Whether no class is worse; worths are compared to six digits.

    Where two creatives of a flight are worth the same, their drawn order decides, and the classes below are left open.
    """
    for mine, other in zip(value, best, strict=True):
        if mine[:3] != other[:3] or abs(mine[3] - other[3]) > 1e-6 * max(1.0, other[3]):
            return mine > other
        if mine[4] != other[4]:
            return True
    return True
