"""Behaviour as data: every case of cases.json, on every kind of store. Another client of the API can run them too."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from adengine import topics
from adengine.catalog.dimensions import DIMENSIONS, targeting_of
from adengine.catalog.nouns import Creative, Flight, Level, Tier, Without
from adengine.places import Gazetteer
from tests.builders import NOW_S, a_cap, a_creative, a_flight, a_site, a_slot
from tests.serving.conftest import Open
from tests.serving.kiosk import flights_of

CASES = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))
STEP_WORDS = {"at_s", "ask", "flights", "reasons", "chosen", "show"}


@pytest.mark.parametrize("case", CASES, ids=[case["claim"] for case in CASES])
def test_case(case: dict[str, Any], kiosk_at: Open, gazetteer: Gazetteer) -> None:
    kiosk = kiosk_at(*[flight(document, gazetteer) for document in case["flights"]], **further(case))
    for step in case["steps"]:
        assert set(step) <= STEP_WORDS, "a misspelled expectation expects nothing"
        kiosk.now_s = NOW_S + step.get("at_s", 0)
        answer = kiosk(**step["ask"])
        assert flights_of(answer) == step["flights"], step
        assert answer["degraded"] is None
        if "reasons" in step:
            assert [fill["reason"] for fill in answer["fills"]] == step["reasons"], step
        if "chosen" in step:
            assert [fill.get("chosen") for fill in answer["fills"]] == step["chosen"], step
        for fill in answer["fills"] if step.get("show", True) else ():
            if fill["status"] == "filled":
                assert kiosk.show(fill) == 1


def flight(document: dict[str, Any], gazetteer: Gazetteer) -> Flight:
    """A flight as cases write it: times from NOW_S on, caps as [per, limit, window], dimensions beside the rest."""
    fields = copy.deepcopy(document)
    targeting = {row.name: fields.pop(row.name) for row in DIMENSIONS if row.name in fields}
    for name, resolved in (("places", lambda word: place_id(word, gazetteer)), ("topics", topic_id)):
        for side in ("include", "exclude"):
            if side in targeting.get(name, {}):
                targeting[name][side] = [resolved(word) for word in targeting[name][side]]
    fields["targeting"] = targeting_of(targeting, DIMENSIONS)
    fields["tier"] = Tier[fields.pop("tier", "standard").upper()]
    fields["caps"] = tuple(a_cap(limit, Level[per.upper()], window) for per, limit, window in fields.pop("caps", ()))
    fields["without_reader"] = Without(fields.pop("without_reader", "skip"))
    fields["starts_at_s"] = NOW_S + fields.pop("starts_in_s", -1000)
    fields["ends_at_s"] = NOW_S + fields.pop("ends_in_s") if "ends_in_s" in fields else None
    return a_flight(**fields)


def further(case: dict[str, Any]) -> dict[str, Any]:
    """The rest of a case's catalogue."""
    found: dict[str, Any] = {"sites": (a_site(**case.get("site", {})),)}
    if "slots" in case:
        found["slots"] = tuple(a_slot(**slot) for slot in case["slots"])
    if "creatives" in case:
        found["creatives"] = tuple(creative(document) for document in case["creatives"])
    return found


def creative(document: dict[str, Any]) -> Creative:
    texts = tuple(tuple(pair) for pair in document.get("texts", ()))
    return a_creative(**document | ({"texts": texts} if texts else {}))


def place_id(word: str, gazetteer: Gazetteer) -> str:
    place = gazetteer.resolve(word).place
    assert place is not None, word
    return str(place.id)


def topic_id(word: str) -> str:
    topic = topics.load().resolve(word)
    assert topic is not None, word
    return topic.id
