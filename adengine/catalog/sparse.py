"""Look-ups over arrays, in place of dicts and tuples of millions: nothing of them is built until it is asked for. Pure.

All of them may lie in memory that is mapped from a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
DECODED_MAX = 4096


class Column(Protocol):
    """What has one value for each row: an array, or something that is read like one."""

    def __getitem__(self, at: Any, /) -> Any: ...
    def tolist(self) -> Any: ...


class Through:
    """A column of few things, as if there were a value for each of the many rows that belong to one of them."""

    __slots__ = ("_rows", "_values")

    def __init__(self, values: NDArray[Any], rows: NDArray[np.integer[Any]]) -> None:
        """values: of the things.  rows: whose value each row has."""
        self._values, self._rows = values, rows

    def __getitem__(self, at: Any) -> Any:
        """at: whatever an array of one dimension takes."""
        return self._values[self._rows[at]]

    def tolist(self) -> list[Any]:
        found: list[Any] = self[:].tolist()
        return found


class RowOf:
    """Id -> the one row that bears it."""

    def __init__(self, ids: NDArray[np.integer[Any]], rows: NDArray[np.integer[Any]] | None = None) -> None:
        """ids: ascending, each once.  rows: of each; None: in the order of `ids`."""
        self._ids, self._rows = ids, rows
        self._kind = ids.dtype.type
        self._least, self._most = (int(ids[0]), int(ids[-1])) if ids.size else (0, -1)

    def get(self, id_: int) -> int | None:
        if not self._least <= id_ <= self._most:
            return None
        at = int(self._ids.searchsorted(self._kind(id_)))  # of another kind, all ids would be copied for one look
        if self._ids[at] != id_:
            return None
        return at if self._rows is None else int(self._rows[at])

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

    def __init__(
        self, begins: NDArray[np.integer[Any]], sizes: NDArray[np.integer[Any]], data: NDArray[np.uint8]
    ) -> None:
        """begins: of each, in `data`.  sizes: in bytes."""
        self._begins, self._sizes, self._data = begins, sizes, data

    def __len__(self) -> int:
        return self._begins.size

    @overload
    def __getitem__(self, row: int) -> bytes: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[bytes]: ...
    def __getitem__(self, row: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(row, slice):
            return [self[at] for at in range(*row.indices(len(self)))]
        begin = int(self._begins[row])
        return self._data[begin : begin + int(self._sizes[row])].tobytes()


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
