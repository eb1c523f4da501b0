"""What was learnt survives its bytes; bytes that are something else are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine.learning.cells import EVERYWHERE, Cell
from adengine.learning.learnt import NOTHING, Learnt

IDS = st.integers(1, 2**32)
ROWS = st.dictionaries(IDS, st.floats(0, 10), min_size=1, max_size=5)
CELLS = st.builds(Cell, st.integers(0, 2**40), st.integers(0, 2**32))
TABLES = st.dictionaries(CELLS | st.just(EVERYWHERE), ROWS, max_size=5)
LEARNT = st.builds(Learnt, number=st.integers(0, 2**63), worths=TABLES, chances=TABLES)


@given(LEARNT)
def test_its_bytes_tell_all_of_it(learnt: Learnt) -> None:
    assert Learnt.from_bytes(learnt.to_bytes()) == learnt


@given(LEARNT, CELLS, IDS)
def test_a_part_says_the_same_of_its_cell(learnt: Learnt, cell: Cell, id_: int) -> None:
    part = learnt.only(cell)
    assert part.worths_in(part.cell(cell)) == learnt.worths_in(learnt.cell(cell))
    assert part.chance(cell, id_) == learnt.chance(cell, id_)


@pytest.mark.parametrize(
    "text", [b"", b"lrnt", b"pace" + bytes(40), NOTHING.to_bytes() + b"x", NOTHING.to_bytes()[:-1]]
)
def test_what_is_something_else_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="learnt"):
        Learnt.from_bytes(text)
