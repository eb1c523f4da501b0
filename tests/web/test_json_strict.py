"""What counts as JSON here: documents with one meaning, as a table of bodies."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adengine.errors import Malformed
from adengine.web import json_strict
from adengine.web.json_strict import DEPTH_MAX, parse
from tests.twins import both

twin = both(json_strict, "says_each_once", json_strict._says_each_once)

REFUSED = {
    "nothing": b"",
    "cut off": b'{"a": ',
    "two documents": b"{} {}",
    "a comment": b"{} // no",
    "single quotes": b"{'a': 1}",
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "an overlong NUL": b'{"a": "\xc0\x80"}',
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "a raw control character": b'{"a": "\n"}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "minus Infinity": b'{"a": -Infinity}',
    "a number beyond all doubles": b'{"a": 1e400}',
    "a whole number of 5000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a repeated key": b'{"a": 1, "a": 1}',
    "a repeated key in another spelling": b'{"a": 1, "\\u0061": 2}',
    "a repeated key inside": b'{"x": [{"a": 1, "b": 2, "a": 3}]}',
    "a repeated key that hides depth": b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b', "a": 1}',
    "one level too deep": b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
    "an object one level too deep": b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1),
    "100 000 levels, closed": b"[" * 100_000 + b"]" * 100_000,
    "100 000 levels, open": b"[" * 100_000,
    "100 000 objects, open": b'{"a":' * 100_000,
    "999 levels, under the parsers' own limits": b"[" * 999 + b"]" * 999,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_document_with_no_or_two_meanings_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": {"b": 1}, "c": {"b": 1}}', {"a": {"b": 1}, "c": {"b": 1}}),
        ('{"a": "Ünïcödé \\ud83d\\ude00"}'.encode(), {"a": "Ünïcödé 😀"}),
        (b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, json.loads("[" * DEPTH_MAX + "]" * DEPTH_MAX)),
        (b'"' + b"[" * 100 + b'"', "[" * 100),
        (b"12345678901234567890123", 12345678901234567890123),
    ],
)
def test_what_is_fine_comes_out_as_it_was_meant(body: bytes, value: object) -> None:
    assert parse(body) == value


def test_a_repeated_key_is_named() -> None:
    with pytest.raises(Malformed, match="'landing_url' stands twice"):
        parse(b'{"a": 1, "landing_url": "https://a.example", "landing_url": "https://b.example"}')


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_every_shallow_value_survives_the_way_through(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


KEYS = st.sampled_from(("a", "b", 'a":', 'x " :y', ""))
SPACES = st.sampled_from(("", " ", "\n", "\t "))


@st.composite
def documents(draw: st.DrawFn, depth: int = 2) -> tuple[str, bool]:
    """(an object as text, whether a key stands twice in one object of it); spaces anywhere, colons in texts."""
    said, keys, is_ambiguous = [], [], False
    for _ in range(draw(st.integers(0, 3))):
        keys.append(draw(KEYS))
        value = json.dumps(draw(KEYS | st.integers()))
        if depth and draw(st.booleans()):
            value, inner = draw(documents(depth - 1))
            is_ambiguous |= inner
        said.append(f"{draw(SPACES)}{json.dumps(keys[-1])}{draw(SPACES)}:{draw(SPACES)}{value}{draw(SPACES)}")
    return "{" + ",".join(said) + "}", is_ambiguous or len(set(keys)) < len(keys)


@given(documents())
def test_a_key_that_stands_twice_is_found_wherever_colons_and_spaces_stand(given: tuple[str, bool]) -> None:
    text, is_ambiguous = given
    if is_ambiguous:
        with pytest.raises(Malformed, match="stands twice"):
            parse(text.encode())
    else:
        assert parse(text.encode()) == json.loads(text)
