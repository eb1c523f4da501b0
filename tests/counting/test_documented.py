"""docs/counting.md names every reason and every check of the audit, and no others."""

import re
from pathlib import Path

from adengine.counting.audit import CHECKS
from adengine.counting.reasons import REASONS

TEXT = (Path(__file__).resolve().parents[2] / "docs/counting.md").read_text("utf-8")


def rows_below(heading: str) -> list[str]:
    """The words in the first column of the table below a heading."""
    section = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.M)


def test_every_reason_is_documented_in_the_order_of_its_table() -> None:
    assert rows_below("What does not count, and why") == [row.name for row in REASONS]


def test_the_document_says_which_reasons_stand_in_reports() -> None:
    said = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no) \|$", TEXT, re.M))
    assert said == {row.name: "yes" if row.reported else "no" for row in REASONS}


def test_every_check_of_the_audit_is_documented() -> None:
    assert rows_below("Audit") == [check.name for check in CHECKS]


def test_a_check_can_only_be_violated_by_a_figure_that_it_has() -> None:
    assert all(check.must_be_zero for check in CHECKS)
