"""The quick reader of requests answers as the form does, or leaves it to the form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate

from adengine.serving import quick, request
from adengine.serving.quick import Doubt, Reader, compile_form
from tests.twins import both

twin = both(quick, "reading")

ORDINARY: dict[str, Any] = {
    "page": {"url": "https://news.example/a", "topics": ["386", "politics"], "lang": "en", "cookie": 1, "refresh": 7,
             "keys": {"section": "sports", "tags": ["a", "b"], "none": None}},
    "reader": {"key": "k", "place": "Remer,MN", "ip": None, "user_agent": "x", "consent": True},
    "slots": [
        {"id": "top", "slot": "article-header", "max_width_px": 640, "font_px": 16.5, "max_chars": 80}, {"slot": "b"},
    ],
    "exclude": {"advertisers": ["A"], "topics": []},
    "now_s": 1_800_000_000, "seed": 5, "preview": False, "explain": None, "of_the_future": [],
}  # fmt: skip
NAMES = sorted({*ORDINARY, *ORDINARY["page"], *ORDINARY["reader"], *ORDINARY["slots"][0], *ORDINARY["exclude"]})
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**54), st.floats(), st.sampled_from(["", "a", "x" * 201, "1", "\ud800"]),
    st.just({"lat": 47.0, "lon": -94.0}), st.just({"lat": 91}), st.just({"city": "Remer", "region": "MN"}),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=17) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
)


@st.composite
def documents(draw: st.DrawFn) -> Any:
    """An ordinary request with a few places replaced, removed or added."""
    document: Any = {name: dict(value) if isinstance(value, dict) else value for name, value in ORDINARY.items()}
    document["slots"] = [dict(slot) for slot in ORDINARY["slots"]]
    for _ in range(draw(st.integers(0, 3))):
        part = draw(st.sampled_from([document, document["slots"][0], document["page"], document["reader"]]))
        part[draw(st.sampled_from(NAMES))] = draw(VALUES)
        if not all(isinstance(document[name], dict) for name in ("page", "reader")) or not document["slots"]:
            break
        if not isinstance(document["slots"], list) or not isinstance(document["slots"][0], dict):
            break
    return document


@pytest.fixture(scope="module")
def read(twin: None) -> Reader:
    return compile_form(request._FORM, (request.PlaceWords,))


@given(documents() | VALUES)
def test_what_is_read_quickly_is_what_the_form_reads(read: Reader, document: Any) -> None:
    try:
        found = read(document)
    except Doubt:
        return
    assert found == request._FORM.load(document)


@given(documents())
def test_what_the_form_takes_is_read_quickly(read: Reader, document: Any) -> None:
    """Else the quick way would be a way around, and nobody would notice."""
    try:
        loaded = request._FORM.load(document)
    except ValidationError:
        with pytest.raises(Doubt):
            read(document)
    else:
        assert read(document) == loaded


class Strange(Schema):
    """Kinds of fields and rules that the compiler does not know."""

    email = fields.Email()
    even = fields.String(validate=[validate.Length(1, 3), validate.OneOf(["ab"])])
    named = fields.String(data_key="other")
    usual = fields.String(load_default="x")

    def _make(self, values: dict[str, Any]) -> dict[str, Any]:
        return values


@pytest.mark.parametrize("name", ["email", "even", "named", "usual"])
def test_a_field_that_is_not_known_is_left_to_the_form(name: str) -> None:
    with pytest.raises(Doubt):
        compile_form(Strange())({name: "ab"})
