"""Key-values: OR inside a key, AND between keys, against a plain reading of that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adengine.catalog.admission import admission
from adengine.catalog.dimensions import DIMENSIONS
from adengine.catalog.nouns import Among, Facts
from adengine.catalog.targets.keyvalues import accepted, key_of
from adengine.catalog.targets.refused import Refused

ROW = {row.name: row for row in DIMENSIONS}["keys"]


def admitted(flights: list[Among], keys: dict[str, tuple[str, ...]]) -> list[bool]:
    compiled = admission(ROW, flights)
    return compiled.admits(compiled.values(Facts(slot="s", position="p", keys=keys))).tolist()


def test_keys_are_joined_by_and_their_values_by_or() -> None:
    flights = [
        Among(include=("section=sports", "section=news", "login=yes")),
        Among(include=("tags=a", "tags=b")),
        Among(exclude=("tags=b",)),
        Among(include=("section=sports",), exclude=("login=no",)),
        Among(),
    ]
    assert admitted(flights, {"section": ("sports",), "login": ("yes",)}) == [True, False, True, True, True]
    assert admitted(flights, {"section": ("sports",)}) == [False, False, True, True, True]
    assert admitted(flights, {"login": ("yes",), "tags": ("a", "b")}) == [False, True, False, False, True]
    assert admitted(flights, {"section": ("sports",), "login": ("no",)}) == [False, False, True, False, True]
    assert admitted(flights, {}) == [False, False, True, False, True]


PAIR = st.tuples(st.sampled_from("kqz"), st.sampled_from("123")).map("=".join)
AMONG = st.builds(Among, include=st.lists(PAIR, max_size=4).map(tuple), exclude=st.lists(PAIR, max_size=1).map(tuple))
KEYS = st.dictionaries(st.sampled_from("kqz"), st.lists(st.sampled_from("123"), max_size=3).map(tuple))


@given(flights=st.lists(AMONG, min_size=1, max_size=6), keys=KEYS)
@settings(max_examples=300, deadline=None)
def test_matching_agrees_with_a_plain_reading(flights: list[Among], keys: dict[str, tuple[str, ...]]) -> None:
    sent = {f"{name}={value}" for name, values in keys.items() for value in values}
    plainly = [
        all(any(pair in sent for pair in among.include if key_of(pair) == name) for name in map(key_of, among.include))
        and not sent.intersection(among.exclude)
        for among in flights
    ]
    assert admitted(flights, keys) == plainly


@pytest.mark.parametrize("sent", ["section=sports", "a.b-c_1=Ünïcode, and more", "q=a=b", "k" * 40 + "=" + "v" * 100])
def test_a_pair_is_kept_as_it_is(sent: str) -> None:
    assert accepted(sent) == sent


@pytest.mark.parametrize(
    "sent",
    ["", "sports", "=sports", "section=", "section= sports", "section=sports ", "se ction=a", "é=a", "k" * 41 + "=a",
     "a=" + "v" * 101, "a=\x00", "a=\u202e", "a=\ud800", 5, None, {"section": "sports"}],
)  # fmt: skip
def test_what_is_no_pair_is_refused(sent: Any) -> None:
    with pytest.raises(Refused):
        accepted(sent)
