"""What texts, ZIPs, points and fields mean: behaviour as data, for any client to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adengine.places import Gazetteer

CASES = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["query"]))
def test_a_query_means_its_place_or_is_refused(case: dict[str, Any], gazetteer: Gazetteer) -> None:
    found = gazetteer.resolve(case["query"])
    assert found.status == case["status"], [place.path for place in found.candidates[:5]] or found.place
    assert (list(found.place.path) if found.place else None) == case.get("place")
    first = case.get("first", [])
    assert [list(place.path) for place in found.candidates[: len(first)]] == first
    assert bool(found.candidates) == (case["status"] == "ambiguous")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["query"]))
def test_candidates_come_most_populous_first(case: dict[str, Any], gazetteer: Gazetteer) -> None:
    inhabitants = [place.population for place in gazetteer.resolve(case["query"]).candidates]
    assert inhabitants == sorted(inhabitants, reverse=True) and len(inhabitants) != 1
