"""docs/reports.md names every parameter, dimension and metric, and no others."""

import re
from pathlib import Path

import pytest

from adengine.reporting.dimensions import DIMENSIONS
from adengine.reporting.files import HEADERS
from adengine.reporting.metrics import METRICS
from adengine.reporting.query import PARAMETERS

TEXT = (Path(__file__).resolve().parents[2] / "docs/reports.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("heading", "rows"), [("# Reports", PARAMETERS), ("## Dimensions", DIMENSIONS), ("## Metrics", METRICS)]
)
def test_every_row_of_a_table_is_documented(heading: str, rows: tuple[object, ...]) -> None:
    section = TEXT.split(f"{heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+`) \|", section, re.M)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(row.name for row in rows)  # type: ignore[attr-defined]


def test_every_header_of_a_file_is_documented() -> None:
    section = TEXT.split("## Files\n")[1].split("\n## ")[0]
    assert set(re.findall(r"`(Adengine-[\w-]+)`", section)) == set(HEADERS.values())
