"""CSV that any reader reads back and no spreadsheet runs."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine.reporting.csv_safe import csv_text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"])
def test_a_formula_is_text(text: str) -> None:
    ((cell,),) = list(csv.reader(io.StringIO(csv_text(["a"], [{"a": text}]), newline="")))[1:]
    assert cell == f"'{text}"


def test_numbers_stay_numbers_and_nothing_stays_empty() -> None:
    assert csv_text(["a", "b", "c"], [{"a": -1, "b": 0.5, "c": None}]) == "a,b,c\r\n-1,0.5,\r\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=4))
def test_every_text_is_read_back(texts: list[str]) -> None:
    columns = [str(number) for number in range(len(texts))]
    written = csv_text(columns, [dict(zip(columns, texts, strict=True))])
    ((*read,),) = list(csv.reader(io.StringIO(written, newline="")))[1:]
    assert [cell.removeprefix("'") if cell != text else cell for cell, text in zip(read, texts, strict=True)] == texts
