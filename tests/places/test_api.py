"""GET /v1/places over HTTP, with the problems and OpenAPI of the real app."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from adengine.places import Gazetteer, api
from adengine.places.query import NAMES
from adengine.places.sources import SOURCES
from adengine.web import openapi, problems

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "places.md").read_text("utf-8")


@pytest.fixture(scope="module")
def client(gazetteer: Gazetteer) -> FlaskClient:
    app = flask.Flask("places", static_folder=None)
    problems.install(app)
    openapi.install(app).register_blueprint(api.blueprint(gazetteer))
    return app.test_client()


def get(client: FlaskClient, **query: Any) -> dict[str, Any]:
    answer = client.get("/v1/places", query_string=query)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.data)  # type: ignore[no-any-return]


def test_remer_is_found(client: FlaskClient) -> None:
    assert get(client, q="Remer,MN") == {
        "query": "Remer,MN",
        "status": "exact",
        "place": {
            "id": "p2186032198",
            "name": "Remer",
            "kind": "city",
            "path": ["US", "US-MN", "Cass County", "Remer"],
            "lat": 47.0874,
            "lon": -93.9196,
            "country": "US",
            "timezone": "America/Chicago",
            "population": 0,
        },
        "candidates": [],
    }


@pytest.mark.parametrize(
    "query",
    [
        {"postal": "56672"},
        {"lat": "47.06", "lon": "-93.92"},
        {"country": "US", "region": "MN", "city": "Remer"},
        {"q": "p2186032198"},
    ],
)
def test_every_way_to_ask_leads_to_it(client: FlaskClient, query: dict[str, str]) -> None:
    assert get(client, **query)["place"]["id"] == "p2186032198"


def test_fields_are_echoed_as_they_were_understood(client: FlaskClient) -> None:
    assert get(client, lat="47.06", lon="-93.92")["query"] == {"lat": 47.06, "lon": -93.92}


def test_an_ambiguous_name_has_no_place_but_candidates(client: FlaskClient) -> None:
    found = get(client, q="Springfield")
    assert (found["status"], found["place"], len(found["candidates"])) == ("ambiguous", None, 20)
    assert get(client, q=found["candidates"][1]["id"])["place"] == found["candidates"][1]


def test_an_unknown_name_is_an_answer_not_an_error(client: FlaskClient) -> None:
    assert get(client, q="Nowhere, MN") == {
        "query": "Nowhere, MN", "status": "unknown", "place": None, "candidates": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({}, ["?q"]),
        ({"q": "x" * 201}, ["?q"]),
        ({"q": "Remer", "postal": "56672"}, ["?q"]),
        ({"q": "Remer", "lat": "1", "lon": "1"}, ["?q"]),
        ({"lat": "1"}, ["?lon"]),
        ({"lat": "91", "lon": "x"}, ["?lat", "?lon"]),
        ({"lat": "nan", "lon": "1e999"}, ["?lat", "?lon"]),
        ({"ip": "203.0.113.9"}, ["?ip"]),
        ({"ip": "203.0.113.9", "lat": "abc", "city": "x" * 201}, ["?city", "?ip", "?lat", "?lon", "?q"]),
        ({"query": "Remer"}, ["?q"]),
    ],
)
def test_every_mistake_is_named(client: FlaskClient, query: dict[str, str], pointers: list[str]) -> None:
    answer = client.get("/v1/places", query_string=query)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert sorted({mistake["pointer"] for mistake in json.loads(answer.data)["errors"]}) == pointers


def test_the_sources_are_credited_with_their_licences(client: FlaskClient, gazetteer: Gazetteer) -> None:
    about = json.loads(client.get("/v1/places/about").data)
    assert "GeoNames" in about["attribution"] and "CC BY 4.0" in about["attribution"]
    assert [source["name"] for source in about["sources"]] == [source.name for source in SOURCES]
    assert about["counts"] == gazetteer.counts and about["counts"]["postal"] > 41_900
    credited = {package for source in about["sources"] for package in source["packages"]}
    assert credited == set(gazetteer.sources)


def test_the_docs_credit_every_source() -> None:
    assert [source.name for source in SOURCES if source.name not in DOCS or source.url not in DOCS] == []


def test_the_docs_show_a_real_question_and_its_answer(client: FlaskClient) -> None:
    (url,) = re.findall(r"curl 'http://127.0.0.1:8000(/v1/places[^']*)'", DOCS)
    (shown,) = re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)
    assert json.loads(client.get(url).data) == json.loads(shown)


def test_all_that_the_docs_say_may_be_sent_is_exact(gazetteer: Gazetteer) -> None:
    table = DOCS.partition("## What may be sent")[2].partition("Over HTTP")[0]
    asked = [word for word in re.findall(r"`([^`]+)`", table) if word not in NAMES]
    assert len(asked) > 15
    assert [
        word
        for word in asked
        if gazetteer.resolve(json.loads(word) if word.startswith("{") else word).status != "exact"
    ] == []


def test_the_docs_count_what_there_is(gazetteer: Gazetteer) -> None:
    for kind in ("city", "county", "region", "country", "postal"):
        assert f"{gazetteer.counts[kind]:,}".replace(",", " ") in DOCS, kind
