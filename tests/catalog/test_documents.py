"""What a document may hold: strict types, every mistake at once, nothing dead."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine import topics
from adengine.catalog import etags, ids
from adengine.catalog.collections import COLLECTIONS
from adengine.catalog.documents import read
from adengine.catalog.flights import MICROS_MAX
from adengine.catalog.known import Known
from adengine.catalog.nouns import Scope
from adengine.errors import Invalid, PreconditionFailed, PreconditionRequired
from adengine.places import Gazetteer
from tests.catalog.desk import Desk

WHOLE = (1.9, True, "1", None, [], 2**70, -1, float("nan"), float("inf"))
WRONG: dict[str, tuple[Any, ...]] = {
    "priority": (*WHOLE, 0, 11),
    "weight": (True, "1", None, 0, -1, 1e9, float("nan"), float("inf")),
    "starts_at": (
        "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00.5Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:01Z",
        "1969-12-31T23:59:59Z", "2107-01-01T00:00:00Z", "tomorrow", 1767225600, None, "٢026-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00+25:00",
    ),
    "ends_at": ("2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z", "never", 0),
    "tier": ("gold", "STANDARD", 1, None, ["standard"], {}),
    "caps": ({}, "1d", [1], [{}], [{"per": "flight", "limit": 1, "window": "1d"}] * 17),
    "without_reader": ("maybe", None, True),
    "price": ({}, None, {"model": "cpm"}, {"model": "cpm", "micros": 1.5}, {"model": "cpm", "micros": MICROS_MAX + 1},
              {"model": "barter", "micros": 1}, {"model": "cpm", "micros": -1}, {"model": "cpm", "micros": 1, "x": 1}),
    "targeting": ([], "x", {"weather": {}}, {"places": {"near": []}}, {"topics": {"match": "fuzzy"}}, {"slots": ["x"]}),
    "goal": (0, False, [], {}, {"impressions": 1, "clicks": 1}, {"impressions": 0}, {"impressions": 1.5},
             {"impressions": "1"}, {"share": 0}, {"share": 1.01}, {"share": 0.5}, {"views": 1}, {"spend_micros": 5},
             {"impressions": None}, {"clicks": True}),
    "daily_limit": (0, False, 1.5, "1", -1),
    "pacing": ("slow", None),
    "at_end": ("never", None, True),
    "blackouts": (None, {}, [{}], [{"from": "2026-01-02T00:00:00Z", "to": "2026-01-02T00:00:00Z"}],
                  [{"from": "2026-01-02T00:00:00Z"}], [{"from": "x", "to": "2026-01-02T00:00:00Z"}]),
    "exclusions": (None, {}, "", "betting", [1], [""], ["  "], ["x" * 65], [f"l{n}" for n in range(33)], ["a\nb"]),
    "roadblock": ("ALL", "half", None, True, ["all"]),
}  # fmt: skip
CAP = {"per": "flight", "limit": 3, "window": "1d"}
WRONG_CAPS: tuple[tuple[dict[str, Any], str], ...] = (
    *(({"limit": limit}, "/caps/0/limit") for limit in (*WHOLE, 0, 10_001)),
    *(
        ({"window": window}, "/caps/0/window")
        for window in ("91d", "0d", "1y", "", " 1d", "1D", "day", 1, None, "1" * 99)
    ),
    *(({"per": per}, "/caps/0/per") for per in ("reader", "FLIGHT", 1, None, ["flight"])),
)


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_flight_refuses_what_is_not_exactly_right(gazetteer: Gazetteer, field: str, value: Any) -> None:
    known = Known(gazetteer=gazetteer, taxonomy=topics.load(), rows={"campaign": frozenset({1})})
    form = next(row.form for row in COLLECTIONS if row.noun == "flight")()
    document = {"campaign": "cmp_1", "starts_at": "2026-01-01T00:00:00Z"} | {field: value}
    with pytest.raises(Invalid) as caught:
        read(form, document, known)
    assert all(mistake.pointer.startswith(f"/{field}") for mistake in caught.value.mistakes)


@pytest.mark.parametrize(("change", "pointer"), WRONG_CAPS)
def test_a_cap_refuses_what_is_not_exactly_right(gazetteer: Gazetteer, change: dict[str, Any], pointer: str) -> None:
    known = Known(gazetteer=gazetteer, taxonomy=topics.load(), rows={"campaign": frozenset({1})})
    form = next(row.form for row in COLLECTIONS if row.noun == "flight")()
    with pytest.raises(Invalid) as caught:
        read(form, {"campaign": "cmp_1", "starts_at": "2026-01-01T00:00:00Z", "caps": [CAP | change]}, known)
    assert [mistake.pointer for mistake in caught.value.mistakes] == [pointer]


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"goal": {"share": 0.5}}, ["/goal/share"]),
        ({"goal": {"share": 0.5}, "tier": "sponsorship"}, []),
        ({"goal": {"impressions": 5}, "tier": "house"}, ["/goal"]),
        ({"goal": {"spend_micros": 5}, "price": {"model": "flat", "micros": 9}}, ["/goal/spend_micros"]),
        ({"goal": {"spend_micros": 5}, "price": {"model": "cpm", "micros": 0}}, ["/goal/spend_micros"]),
        ({"goal": {"spend_micros": 5}, "price": {"model": "cpc", "micros": 1}}, []),
        ({"goal": {"spend_micros": 5}, "price": {"model": "cpc", "micros": 5}}, []),
        ({"goal": {"spend_micros": 5}, "price": {"model": "cpc", "micros": 6}}, ["/goal/spend_micros"]),
        ({"goal": {"spend_micros": 5}, "price": {"model": "cpm", "micros": 5000}}, []),
        ({"goal": {"spend_micros": 5}, "price": {"model": "cpm", "micros": 5001}}, ["/goal/spend_micros"]),
    ],
)
def test_a_goal_goes_with_its_tier_and_price(sqlite_desk: Desk, fields: dict[str, Any], pointers: list[str]) -> None:
    campaign = sqlite_desk.a_flight()["campaign"]
    answer = sqlite_desk("POST", "/v1/flights", {"campaign": campaign, "starts_at": "2026-01-01T00:00:00Z"} | fields)
    assert (answer.pointers if answer.status == 422 else []) == pointers
    assert answer.status == (422 if pointers else 201)


def test_what_steers_pacing_is_answered_as_it_was_sent(sqlite_desk: Desk) -> None:
    sent = {
        "goal": {"impressions": 1000},
        "daily_limit": 50,
        "pacing": "front",
        "at_end": "makegood",
        "blackouts": [{"from": "2026-01-02T00:00:00Z", "to": "2026-01-03T00:00:00Z"}],
    }
    flight = sqlite_desk.a_flight(**sent)
    assert {name: flight[name] for name in sent} == sent


def test_what_a_page_shows_together_is_kept_as_it_was_said(sqlite_desk: Desk) -> None:
    flight = sqlite_desk.a_flight(exclusions=["Betting", " light  BEER "], roadblock="companion")
    assert flight["exclusions"] == ["betting", "light beer"] and flight["roadblock"] == "companion"
    plain = sqlite_desk.a_flight()
    assert (plain["exclusions"], plain["roadblock"]) == ([], "none")
    assert sqlite_desk.a_site()["exclusive"] == ["advertiser"]
    assert sqlite_desk.a_site(exclusive=["category"])["exclusive"] == ["category"]
    assert sqlite_desk.a_slot(position_weight=2.5)["position_weight"] == 2.5


def test_a_topic_is_matched_in_one_of_three_ways(sqlite_desk: Desk) -> None:
    for match in ("subtree", "exact", "related"):
        flight = sqlite_desk.a_flight(targeting={"topics": {"include": ["386"], "match": match}})
        assert flight["targeting"]["topics"]["match"] == match
    nearby = sqlite_desk.flight_document(targeting={"topics": {"include": ["386"], "match": "nearby"}})
    assert sqlite_desk("POST", "/v1/flights", nearby).pointers == ["/targeting/topics/match"]


def test_every_mistake_of_a_flight_is_named_at_once(sqlite_desk: Desk) -> None:
    document = {
        "campaign": "cmp_1", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2025-01-01T00:00:00Z", "tier": "gold",
        "priority": 1.9, "weight": "1", "colour": "red", "price": {"model": "cpm", "micros": 2**70, "currency": "USD"},
        "targeting": {"places": {"include": ["Remer,MN", "Nowhere,MN"]}, "topics": {"exclude": ["x"]},
                      "slots": {"include": ["x"]}},
        "caps": [{"per": "flight", "limit": 0, "window": "1y"}, CAP, CAP], "goal": {"clicks": 0},
    }  # fmt: skip
    refused = sqlite_desk("POST", "/v1/flights", document)
    assert refused.status == 422
    assert set(refused.pointers) == {
        "/campaign", "/tier", "/priority", "/weight", "/colour", "/price/micros", "/price/currency", "/ends_at",
        "/targeting/places/include/1", "/targeting/topics/exclude/0", "/targeting/slots/include/0",
        "/caps/0/limit", "/caps/0/window", "/goal/clicks",
    }  # fmt: skip


def test_a_repeated_cap_is_refused(sqlite_desk: Desk) -> None:
    refused = sqlite_desk("POST", "/v1/flights", sqlite_desk.flight_document(caps=[CAP, CAP | {"limit": 5}]))
    assert refused.pointers == ["/caps/1"]


def test_an_end_is_judged_against_the_start_that_stands(sqlite_desk: Desk) -> None:
    flight = sqlite_desk.a_flight(ends_at="2026-02-01T00:00:00Z")
    path = f"/v1/flights/{flight['id']}"
    assert sqlite_desk("PATCH", path, {"ends_at": "2025-06-01T00:00:00Z"}, If_Match="*").pointers == ["/ends_at"]
    assert sqlite_desk("PATCH", path, {"starts_at": "2026-03-01T00:00:00Z"}, If_Match="*").pointers == ["/ends_at"]
    moved = {"starts_at": "2026-03-01T00:00:00Z", "ends_at": None}
    assert sqlite_desk("PATCH", path, moved, If_Match="*").status == 200


@pytest.mark.parametrize(
    ("written", "kept"),
    [("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("2026-01-01t06:30:00.000+06:30", "2026-01-01T00:00:00Z"),
     ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"), ("2106-02-07T06:28:15Z", "2106-02-07T06:28:15Z")],
)  # fmt: skip
def test_times_are_kept_in_utc(sqlite_desk: Desk, written: str, kept: str) -> None:
    assert sqlite_desk.a_flight(starts_at=written)["starts_at"] == kept


@pytest.mark.parametrize(
    ("path", "document", "pointers"),
    [
        ("/v1/sites", {}, ["/name"]),
        ("/v1/sites", {"name": " "}, ["/name"]),
        ("/v1/sites", {"name": "a\u200bb"}, ["/name"]),
        ("/v1/sites", {"name": "a\x00b"}, ["/name"]),
        ("/v1/sites", {"name": "x" * 201, "timezone": "X/Y", "domains": ["-"]}, ["/name", "/timezone", "/domains/0"]),
        ("/v1/sites", {"name": "x", "domains": ["a b.example", 5, "x" * 300]}, [f"/domains/{n}" for n in range(3)]),
        ("/v1/sites", {"name": "x", "topics": {"Fish": "fishing-sports", " fish": "386"}}, ["/topics"]),
        ("/v1/sites", {"name": "x", "topics": {"a": "nonsense"}}, ["/topics/a"]),
        ("/v1/sites", {"name": "x", "timezone": "../../etc/passwd"}, ["/timezone"]),
        ("/v1/slots", {"site": "site_1", "name": "a b", "position": ""}, ["/site", "/name", "/position"]),
        ("/v1/slots", {"label": "", "font": "comic", "font_px": "16", "background": "red", "default_topics": ["x"]},
         ["/site", "/name", "/position", "/label", "/font", "/font_px", "/background", "/default_topics/0"]),
        ("/v1/sites", {"name": "x", "exclusive": ["topic"]}, ["/exclusive/0"]),
        ("/v1/sites", {"name": "x", "exclusive": "advertiser"}, ["/exclusive"]),
        ("/v1/slots", {"name": "a", "position_weight": 0}, ["/site", "/position", "/position_weight"]),
        ("/v1/slots", {"name": "a", "position_weight": True}, ["/site", "/position", "/position_weight"]),
        ("/v1/slots", {"label": "Spon\u202esor"}, ["/site", "/name", "/position", "/label"]),
        ("/v1/campaigns", {"advertiser": 1, "name": "x", "currency": "usd"}, ["/advertiser", "/currency"]),
        ("/v1/advertisers", [], [""]),
        ("/v1/advertisers", "x", [""]),
        ("/v1/advertisers", None, [""]),
    ],
)  # fmt: skip
def test_a_document_is_refused_with_every_mistake(
    sqlite_desk: Desk, path: str, document: Any, pointers: list[str]
) -> None:
    refused = sqlite_desk("POST", path, raw=json.dumps(document).encode())
    assert refused.status == 422 and sorted(refused.pointers) == sorted(pointers), refused.body
    assert sqlite_desk("GET", path).body["items"] == []


@given(st.text(max_size=30))
def test_an_id_is_taken_only_as_it_is_spelled(text: str) -> None:
    for noun in ids.PREFIXES:
        id_ = ids.parse(noun, text)
        assert id_ is None or ids.public(noun, id_) == text


@given(st.integers(1, ids.ID_MAX), st.sampled_from(sorted(ids.PREFIXES)))
def test_every_id_comes_back_from_its_spelling(id_: int, noun: str) -> None:
    assert ids.parse(noun, ids.public(noun, id_)) == id_
    assert ids.parse(noun, ids.public(noun, id_ + ids.ID_MAX)) is None


@pytest.mark.parametrize("header", ["3", '"3"', '"1", "3"', "*", ' "3" '])
def test_a_current_etag_lets_a_change_through(header: str) -> None:
    etags.check(header, 3)


@pytest.mark.parametrize("header", ["", "2", 'W/"3"', '"33"', '""', "33"])
def test_any_other_does_not(header: str) -> None:
    with pytest.raises(PreconditionFailed):
        etags.check(header, 3)
    with pytest.raises(PreconditionRequired):
        etags.check(None, 3)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


@given(row=st.sampled_from(COLLECTIONS), data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_document_is_read_or_refused_never_more(gazetteer: Gazetteer, row: Any, data: st.DataObject) -> None:
    rows = dict.fromkeys(ids.PREFIXES, frozenset({1}))
    known = Known(gazetteer=gazetteer, taxonomy=topics.load(), rows=rows, scopes=frozenset({Scope.ADVERTISE}))
    document = data.draw(st.dictionaries(st.sampled_from([*row.form._declared_fields, "x"]), JSON))
    with suppress(Invalid):
        assert read(row.form(), document, known).keys() >= {"campaign"} or row.parent != "campaign"
