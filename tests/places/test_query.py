"""What may be asked, and every mistake in what may not."""

from __future__ import annotations

import math

import pytest

from adengine.places import mistakes
from adengine.places.query import CHARS_MAX, Words, words


@pytest.mark.parametrize(
    ("text", "parts", "code"),
    [
        ("Remer,MN", ("Remer", "MN"), None),
        ("  Remer  City ,, MN , ", ("Remer City", "MN"), None),
        ("Remer, MN 56672", ("Remer", "MN"), "56672"),
        ("Remer, MN, 56672-0001", ("Remer", "MN"), "56672"),
        ("56672", (), "56672"),
        ("56672, US", ("US",), "56672"),
        ("東京、日本", ("東京", "日本"), None),
        ("29 Palms, CA", ("29 Palms", "CA"), None),
        ("Remer566721", ("Remer566721",), None),
        ("Remer 566721", ("Remer 566721",), None),
        ("", (), None),
    ],
)
def test_a_text_falls_into_parts_and_zip(text: str, parts: tuple[str, ...], code: str | None) -> None:
    assert words(text) == Words(parts, code)


@pytest.mark.parametrize(
    "query",
    ["Remer,MN", "", "x" * CHARS_MAX, {"postal": "56672"}, {"lat": 47, "lon": -93.9}, {"city": "Paris", "lat": None}],
)
def test_a_well_formed_question_has_no_mistakes(query: object) -> None:
    assert mistakes(query, "/reader/place") == []


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        (None, [""]),
        (56672, [""]),
        (["Remer"], [""]),
        ("x" * (CHARS_MAX + 1), [""]),
        ({}, [""]),
        ({"unheard": "of"}, [""]),
        ({"city": 1, "postal": 56672}, ["/city", "/postal"]),
        ({"city": "x" * (CHARS_MAX + 1), "region": False}, ["/region", "/city"]),
        ({"lat": 47}, ["/lon"]),
        ({"lat": 91, "lon": -181}, ["/lat", "/lon"]),
        ({"lat": math.nan, "lon": math.inf}, ["/lat", "/lon"]),
        ({"lat": True, "lon": "3"}, ["/lat", "/lon"]),
        ({"lat": 10**400, "lon": 0}, ["/lat"]),
    ],
)
def test_every_mistake_is_named_at_its_place(query: object, pointers: list[str]) -> None:
    assert [mistake.pointer for mistake in mistakes(query, "/p")] == [f"/p{pointer}" for pointer in pointers]
