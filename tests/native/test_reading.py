"""The compiled readers say what those in Python say."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adengine import native
from adengine.web import json_strict, request_ids

assert native.reading is not None
READING = native.reading
SPACES = st.sampled_from(("", "", "", " ", "\n", "\t", "\r", " \r\n"))
TEXTS = st.sampled_from(('""', '"a"', '"b"', '"\\u0061"', r'"a\":"', r'"a\" :b"', r'"\\"', '":"', '"é"'))
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr), st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(("9007199254740991.0", "9007199254740992.0", "-9007199254740992.0", "1e300")),
)  # fmt: skip


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda inner: f"[{','.join(inner)}]")


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Keys are often repeated."""
    pair = st.tuples(SPACES, TEXTS, SPACES, st.just(":"), SPACES, values, SPACES).map("".join)
    return st.lists(pair, max_size=4).map(lambda inner: f"{{{','.join(inner)}}}")


DOCUMENTS = st.recursive(TEXTS | NUMBERS | st.just("null"), lambda inner: lists(inner) | objects(inner), max_leaves=12)


@given(DOCUMENTS.map(str.encode))
@example(b"{}")
@example(b'{"a":' * 900 + b"1" + b"}" * 900)
def test_both_are_sure_of_the_same_documents(body: bytes) -> None:
    value = orjson.loads(body)
    assert READING.says_each_once(body, value) is json_strict._says_each_once(body, value)


@given(st.binary(min_size=16, max_size=16))
@example(bytes(16))
@example(b"\xff" * 16)
def test_both_spell_an_id_alike(id_: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_ids, "reading", None)
        assert READING.letters(id_) == request_ids.text_of(id_)
