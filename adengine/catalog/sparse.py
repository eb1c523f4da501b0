"""Look-ups over arrays, in place of dicts and tuples of millions: nothing of them is built until it is asked for. Pure.

All of them may lie in memory that is mapped from a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Ints = NDArray[np.int64]
DECODED_MAX = 4096
NOBODY: Ints = np.empty(0, np.int64)


class Groups:
    """Id -> the rows that bear it, ascending."""

    def __init__(self, ids: Ints, firsts: Ints, rows: NDArray[np.integer[Any]]) -> None:
        """ids: ascending.  firsts: where the rows of each begin in `rows`, and their end; shape (ids + 1,)."""
        self.ids, self.firsts, self.rows = ids, firsts, rows

    @classmethod
    def of(cls, ids: NDArray[np.integer[Any]]) -> Groups:
        """ids: of each row."""
        order = np.argsort(ids, kind="stable").astype(np.int32)
        values, firsts = np.unique(ids[order], return_index=True)
        return cls(values.astype(np.int64), np.append(firsts, ids.size).astype(np.int64), order)

    def get(self, id_: int) -> Ints:
        at = int(np.searchsorted(self.ids, id_))
        if at == self.ids.size or self.ids[at] != id_:
            return NOBODY
        return self.rows[self.firsts[at] : self.firsts[at + 1]].astype(np.int64)


class RowOf:
    """Id -> the one row that bears it."""

    def __init__(self, ids: Ints, rows: NDArray[np.integer[Any]]) -> None:
        """ids: ascending, each once.  rows: of each."""
        self._ids, self._rows = ids, rows

    def get(self, id_: int) -> int | None:
        at = int(np.searchsorted(self._ids, id_))
        return int(self._rows[at]) if at < self._ids.size and self._ids[at] == id_ else None

    def __getitem__(self, id_: int) -> int:
        row = self.get(id_)
        if row is None:
            raise KeyError(id_)
        return row

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, int) and self.get(id_) is not None


class Words:
    """Row -> its words."""

    def __init__(
        self, firsts: NDArray[np.integer[Any]], numbers: NDArray[np.integer[Any]], words: Sequence[str]
    ) -> None:
        """firsts: where each row's begin in `numbers`, and their end.  numbers: into `words`."""
        self.firsts, self.numbers, self.words = firsts, numbers, words

    @classmethod
    def of(cls, rows: Sequence[Sequence[str]]) -> Words:
        known: dict[str, int] = {}
        numbers = [known.setdefault(word, len(known)) for words in rows for word in words]
        firsts = np.cumsum([0, *map(len, rows)])
        return cls(firsts.astype(np.int32), np.array(numbers, np.int32), tuple(known))

    def __getitem__(self, row: int) -> tuple[str, ...]:
        begin, end = self.firsts[row], self.firsts[row + 1]
        if begin == end:
            return ()
        return tuple([self.words[number] for number in self.numbers[begin:end].tolist()])

    def __bool__(self) -> bool:
        """Whether any row has any."""
        return bool(self.numbers.size)


class Blobs(Sequence[bytes]):
    """Byte strings that lie somewhere in one long one."""

    def __init__(self, begins: Ints, ends: Ints, data: NDArray[np.uint8]) -> None:
        """begins, ends: of each, in `data`."""
        self._begins, self._ends, self._data = begins, ends, data

    def __len__(self) -> int:
        return self._begins.size

    @overload
    def __getitem__(self, row: int) -> bytes: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[bytes]: ...
    def __getitem__(self, row: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(row, slice):
            return [self[at] for at in range(*row.indices(len(self)))]
        return self._data[self._begins[row] : self._ends[row]].tobytes()


class Decoded(Sequence[T], Generic[T]):
    """Nouns that are made from their bytes when they are asked for; the last few thousand are kept."""

    def __init__(self, blobs: Sequence[bytes], decode: Callable[[bytes], T]) -> None:
        self._blobs, self._decode = blobs, decode
        self._known: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._blobs)

    @overload
    def __getitem__(self, row: int) -> T: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[T]: ...
    def __getitem__(self, row: int | slice) -> T | Sequence[T]:
        if isinstance(row, slice):
            return [self[at] for at in range(*row.indices(len(self)))]
        at = int(row)
        found = self._known.get(at)
        if found is None:
            if len(self._known) >= DECODED_MAX:
                self._known.clear()
            found = self._known[at] = self._decode(self._blobs[at])
        return found

    def __iter__(self) -> Iterator[T]:
        return map(self.__getitem__, range(len(self)))
