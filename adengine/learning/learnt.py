"""What the pacer has learnt of clicks and tells the workers: worths of campaigns and chances of creatives. Pure.

As bytes, little-endian:

    4s "lrnt" | u8 version | u64 number | u32 cells | u32 worths | u32 chances
    cells: i64 topic | i64 place                                    the first is everywhere
    worths: u32 cell | i64 campaign | f64 worth                     columns, by cell and campaign, ascending
    chances: u32 cell | i64 creative | f64 chance                   the same by cell and creative

What a cell does not hold is as it is everywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from adengine.learning.cells import EVERYWHERE, Cell

_HEAD = struct.Struct("<4sBQIII")
_MAGIC, _VERSION = b"lrnt", 1
_CELL = np.dtype([("topic", "<i8"), ("place", "<i8")])
_ENTRY = np.dtype([("cell", "<u4"), ("id", "<i8"), ("value", "<f8")])
ByCell = Mapping[Cell, Mapping[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    number: int
    """Grows with each."""
    worths: ByCell = field(default_factory=dict)
    """What a page of the cell is worth to a campaign: its expected clicks there ÷ those of a campaign on average."""
    chances: ByCell = field(default_factory=dict)
    """How often each creative of an optimised campaign stands for it; together 1 in each campaign."""

    def cell(self, cell: Cell) -> Cell:
        """The one whose worths hold in `cell`: itself, or everywhere."""
        return cell if cell in self.worths else EVERYWHERE

    def worths_in(self, cell: Cell) -> Mapping[int, float]:
        """By campaign; nobody: nothing is known of him."""
        everywhere = self.worths.get(EVERYWHERE, {})
        return {**everywhere, **self.worths[cell]} if cell in self.worths else everywhere

    def chance(self, cell: Cell, creative: int) -> float | None:
        """None: nothing is known of it."""
        found = self.chances.get(cell, {}).get(creative)
        return found if found is not None else self.chances.get(EVERYWHERE, {}).get(creative)

    def only(self, cell: Cell) -> Learnt:
        """What matters to pages of `cell`."""
        kept = {EVERYWHERE, cell}
        worths, chances = ({c: row for c, row in of.items() if c in kept} for of in (self.worths, self.chances))
        return Learnt(number=self.number, worths=worths, chances=chances)

    def to_bytes(self) -> bytes:
        cells = [EVERYWHERE, *sorted({*self.worths, *self.chances} - {EVERYWHERE})]
        rows = {cell: row for row, cell in enumerate(cells)}
        worths, chances = _entries(self.worths, rows), _entries(self.chances, rows)
        head = _HEAD.pack(_MAGIC, _VERSION, self.number, len(cells), len(worths), len(chances))
        return head + np.array(cells, _CELL).tobytes() + worths.tobytes() + chances.tobytes()

    @classmethod
    def from_bytes(cls, text: bytes) -> Learnt:
        """Raises ValueError for what is not of this version."""
        if len(text) < _HEAD.size:
            raise ValueError("what was learnt is cut off")
        magic, version, number, cells, worths, chances = _HEAD.unpack_from(text)
        size = _HEAD.size + cells * _CELL.itemsize + (worths + chances) * _ENTRY.itemsize
        if (magic, version) != (_MAGIC, _VERSION) or len(text) != size:
            raise ValueError("what was learnt is not of this version")
        named = [Cell(*row) for row in np.frombuffer(text, _CELL, cells, _HEAD.size).tolist()]
        at = _HEAD.size + cells * _CELL.itemsize
        return cls(
            number=number,
            worths=_by_cell(np.frombuffer(text, _ENTRY, worths, at), named),
            chances=_by_cell(np.frombuffer(text, _ENTRY, chances, at + worths * _ENTRY.itemsize), named),
        )


NOTHING = Learnt(number=0)
"""Before anything has been learnt."""


def _entries(of: ByCell, rows: Mapping[Cell, int]) -> NDArray[np.void]:
    listed = sorted((rows[cell], id_, value) for cell, row in of.items() for id_, value in row.items())
    return np.array(listed, _ENTRY)


def _by_cell(entries: NDArray[np.void], cells: list[Cell]) -> ByCell:
    found: dict[Cell, dict[int, float]] = {}
    for cell, id_, value in entries.tolist():
        found.setdefault(cells[cell], {})[id_] = value
    return found
