"""The benchmark measures what it says: every kind of query, against the yardstick."""

from __future__ import annotations

from itertools import count

import pytest

from adengine.places import Gazetteer
from adengine.places.bench import CALLS, QUERIES, look_ups


def test_every_kind_of_query_is_measured_against_the_yardstick(gazetteer: Gazetteer) -> None:
    ticks = count()
    costs = look_ups(gazetteer, lambda: float(next(ticks)), rounds=2)
    assert [cost.query for cost in costs] == list(QUERIES)
    assert [cost.us for cost in costs] == pytest.approx([1e6 / CALLS] * len(QUERIES))
    assert {cost.ratio for cost in costs} == {1.0}
