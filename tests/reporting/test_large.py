"""Reports over a year of seeded rollups: their sums are those of bare SQL, and they take hardly longer than it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reporting.large import CASES, asked, bare, filled, measured, total_of

RATIO_MAX = 1.5


def test_reports_have_the_sums_of_the_bare_queries(database_url: str, tmp_path: Path) -> None:
    client, engine = filled(database_url, tmp_path, 40_000)
    for case in CASES:
        told = asked(client, case)
        assert total_of(told) == sum(group[-1] for group in bare(engine, case)) > 0, case.name
    engine.dispose()


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_ten_million_rollups_are_reported_nearly_as_fast_as_sql_adds_them_up(database_url: str, tmp_path: Path) -> None:
    """The bar: at most 1.5 times the bare query, in the median of nine interleaved rounds."""
    client, engine = filled(database_url, tmp_path, 10_000_000)
    found = [measured(client, engine, case, rounds=9) for case in CASES]
    engine.dispose()
    assert max(each["ratio"] for each in found) <= RATIO_MAX, found
