"""Targeting: values are resolved or refused on the way in, and a new dimension is one row."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adengine import topics
from adengine.catalog.dimensions import DIMENSIONS, Dimension, Refused, dimension, targeting_of
from adengine.catalog.documents import Document, read
from adengine.catalog.flights import targeting_schema
from adengine.catalog.known import Known
from adengine.catalog.nouns import Among, Facts, Targeting
from adengine.errors import Invalid
from adengine.places import Gazetteer
from tests.builders import NOW_S
from tests.catalog.desk import Desk

ROW = {row.name: row for row in DIMENSIONS}


@pytest.fixture(scope="module")
def known(gazetteer: Gazetteer) -> Known:
    return Known(
        gazetteer=gazetteer,
        taxonomy=topics.load(),
        slot_names=frozenset({"article-header", "rail"}),
        positions=frozenset({"header"}),
    )


@pytest.mark.parametrize(
    "value", ["Remer,MN", "Remer, Minnesota, US", "56672", {"city": "Remer", "region": "MN", "country": "US"}]
)
def test_a_place_is_kept_by_its_stable_id_however_it_is_spelled(known: Known, value: Any) -> None:
    place = known.gazetteer.resolve("Remer,MN").place
    assert place is not None and ROW["places"].accept(value, known) == str(place.id)


def test_what_is_answered_for_a_place_is_taken_back(known: Known) -> None:
    stored = ROW["places"].accept("Minnesota, US", known)
    assert ROW["places"].accept(ROW["places"].shown(stored), known) == stored


def test_a_place_that_may_be_several_is_refused_with_the_candidates(known: Known) -> None:
    with pytest.raises(Refused) as caught:
        ROW["places"].accept("Springfield, US", known)
    said = str(caught.value)
    assert "may be several places" in said and "US-IL" in said and "(p" in said
    spelled = said.split("(")[1].split(")")[0]
    assert ROW["places"].accept(spelled, known) == spelled.removeprefix("p")


@pytest.mark.parametrize(
    "value",
    ["Remerr,MN", "", "x" * 500, "p1", 5, None, True, [], {}, {"planet": "Mars"}, {"lat": 1}, {"lat": 95, "lon": 0},
     {"lat": float("nan"), "lon": 0}, {"city": 5}],
)  # fmt: skip
def test_a_place_that_means_nothing_is_refused(known: Known, value: Any) -> None:
    with pytest.raises(Refused):
        ROW["places"].accept(value, known)


@pytest.mark.parametrize("value", ["386", "politics", "Politics"])
def test_a_topic_is_kept_by_its_id(known: Known, value: str) -> None:
    assert ROW["topics"].accept(value, known) == "386"


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [("topics", "politic", "politics (386)"), ("topics", 386, ""), ("topics", None, ""),
     ("slots", "article", "article-header"), ("slots", ["rail"], "rail"), ("positions", "footer", "header")],
)  # fmt: skip
def test_a_value_that_names_nothing_is_refused_with_what_there_is(
    known: Known, name: str, value: Any, hint: str
) -> None:
    with pytest.raises(Refused) as caught:
        ROW[name].accept(value, known)
    assert hint in str(caught.value)


def test_a_page_meets_its_place_and_all_above_its_topics_by_tag_and_tree() -> None:
    facts = Facts(
        places=(3, 2, 1), topics=("386",), topics_above=("379",), slot="rail", position="right", now_s=NOW_S,
        user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148", lang="en-us",
        url="https://news.example/putin?a=1", keys={"section": ("war",), "tags": ("a", "b")},
    )  # fmt: skip
    assert {row.name: row.values(facts) for row in DIMENSIONS} == {
        "places": ("3", "2", "1"),
        "topics": ("386", "379", "=386"),
        "slots": ("rail",),
        "positions": ("right",),
        "devices": ("phone",),
        "languages": ("en", "en-US"),
        "weekdays": ("sun",),
        "dayparts": (),
        "keys": ("section=war", "tags=a", "tags=b"),
        "urls": ("news.example", "news.example/putin"),
        "sections": ("war", "putin"),
        "radius": (),
    }
    assert ROW["dayparts"].holding and ROW["radius"].holding, "these two are asked otherwise"


def test_an_exact_topic_is_met_by_the_pages_own_tag_alone_and_excluded_with_its_subtree() -> None:
    wanted = ROW["topics"].wanted(Targeting(topics=Among(include=("386",), exclude=("1",)), topic_match="exact"))
    assert wanted == Among(include=("=386",), exclude=("1",))


def test_a_related_topic_is_met_by_tags_near_it_in_the_tree_and_excluded_with_its_subtree() -> None:
    wanted = ROW["topics"].wanted(Targeting(topics=Among(include=("386",), exclude=("1",)), topic_match="related"))
    assert wanted == Among(include=("~386",), exclude=("1",))
    assert ROW["topics"].holding is not None
    met = ROW["topics"].holding(("~386", "~1", "386"))
    facts = Facts(slot="s", position="p", topics=("5",), related=lambda topic: frozenset({topic, "386", "9"}))
    assert met(facts) == ("5", "=5", "~386")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [("devices", "phones", "desktop"), ("devices", None, "phone"), ("weekdays", "monday", "mon"),
     ("languages", "english", "BCP 47"), ("dayparts", "6-10", "06:00-10:00"), ("keys", "sports", "key=value"),
     ("urls", "/sports/", "host"), ("sections", "a?b", "sports/nba"), ("sections", "/", "segments"),
     ("radius", "Remer,MN", "km")],
)  # fmt: skip
def test_a_value_of_the_wrong_form_is_refused_with_the_right_one(
    known: Known, name: str, value: Any, hint: str
) -> None:
    with pytest.raises(Refused) as caught:
        ROW[name].accept(value, known)
    assert hint in str(caught.value)


@pytest.mark.parametrize("row", DIMENSIONS, ids=lambda row: row.name)
@pytest.mark.parametrize("value", [None, True, 5, 1.5, "", [], {}, "\x00", "x" * 5000, {"lat": 1}, [["x"]]])
def test_no_dimension_takes_what_means_nothing(known: Known, row: Dimension, value: Any) -> None:
    with pytest.raises(Refused):
        row.accept(value, known)


def test_a_new_dimension_is_one_row(known: Known) -> None:
    def colour(value: Any, _: Known) -> str:
        if value not in ("red", "blue"):
            raise Refused("must be red or blue")
        return str(value)

    table = (*DIMENSIONS, dimension("moods", about="A colour.", refusal="mood", accept=colour))
    targeting = targeting_schema(table)
    document = read(_as_document(targeting), {"moods": {"include": ["red"]}, "slots": {"exclude": ["rail"]}}, known)
    noun = targeting_of(document, table)
    assert noun.further == {"moods": Among(include=("red",))} and noun.slots == Among(exclude=("rail",))
    assert table[-1].wanted(noun).include == table[-1].values(
        Facts(slot="s", position="p", further={"moods": ("red",)})
    )
    with pytest.raises(Invalid) as caught:
        read(_as_document(targeting), {"moods": {"include": ["red", "green"]}}, known)
    assert [(m.pointer, m.detail) for m in caught.value.mistakes] == [("/moods/include/1", "must be red or blue")]


def test_all_that_a_row_is_for_follows_from_it_alone() -> None:
    """Through the API, its document, the database, the compiled catalogue and an explained fill, in another process."""
    here = Path(__file__)
    words = ["-p", "tests.catalog.one_more_row", "-p", "no:cacheprovider", "-q", here.with_name("with_one_more_row.py")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *map(str, words)],
        cwd=here.parents[2], capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


def _as_document(schema: Any) -> Any:
    return type("Form", (schema, Document), {})()


def test_targeting_is_answered_as_it_can_be_sent_again(desk: Desk) -> None:
    desk.a_slot()
    targeting = {
        "places": {"include": ["Minnesota, US", {"city": "Remer", "region": "MN"}], "exclude": ["56672"]},
        "topics": {"include": ["politics"], "match": "exact"},
        "slots": {"include": ["article-header"]},
        "positions": {"exclude": ["header"]},
        "devices": {"include": ["phone", "tablet"]},
        "languages": {"include": ["EN-us"]},
        "weekdays": {"include": ["mon"], "exclude": []},
        "dayparts": {"include": ["22:00-02:00"]},
        "keys": {"include": ["section=sports", "login=yes"], "exclude": ["tags=war"]},
        "urls": {"include": ["https://News.example/sports/"]},
        "sections": {"include": ["/sports/nba/"], "exclude": ["Opinion"]},
        "radius": {"include": [{"place": "Remer,MN", "km": 50}, {"lat": 45, "lon": -93.5, "km": 1.5}]},
    }  # fmt: skip
    flight = desk.a_flight(targeting=targeting)
    assert flight["targeting"].keys() == ROW.keys()
    assert flight["targeting"]["languages"]["include"] == ["en-US"]
    assert flight["targeting"]["urls"]["include"] == ["news.example/sports"]
    assert flight["targeting"]["sections"] == {"include": ["sports/nba"], "exclude": ["Opinion"]}
    assert flight["targeting"]["radius"]["include"][1] == {"lat": 45.0, "lon": -93.5, "km": 1.5}
    assert flight["targeting"]["topics"] == {"include": ["386"], "exclude": [], "match": "exact"}
    again = desk("PATCH", f"/v1/flights/{flight['id']}", {"targeting": flight["targeting"]}, If_Match="*")
    assert again.status == 200 and again.body["targeting"] == flight["targeting"]


def test_targeting_is_answered_with_what_was_booked_alone(sqlite_desk: Desk) -> None:
    targeting = {"weekdays": {"include": ["mon"], "exclude": []}}
    assert sqlite_desk.a_flight(targeting=targeting)["targeting"] == targeting
    assert sqlite_desk.a_flight(targeting={})["targeting"] == {}
