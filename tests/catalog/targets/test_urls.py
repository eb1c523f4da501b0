"""Addresses: the host whole, the path by whole segments."""

from __future__ import annotations

from typing import Any

import pytest

from adengine.catalog.targets.refused import Refused
from adengine.catalog.targets.urls import SEGMENTS_MAX, accepted, accepted_section, prefixes_of, sections_of


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("news.example", "news.example"), ("News.Example/", "news.example"),
     ("https://news.example/sports/", "news.example/sports"),
     ("http://news.example:8080/Sports", "news.example/Sports"), ("news.example//a/./b/../c", "news.example/a/c"),
     ("zürich.example/züge", "xn--zrich-kva.example/z%C3%BCge"), ("news.example/%41%2f%7e", "news.example/A%2F~"),
     ("news.example/%ff", "news.example/%FF")],
)  # fmt: skip
def test_an_address_is_kept_in_one_spelling(sent: str, kept: str) -> None:
    assert accepted(sent) == kept == accepted(kept)


@pytest.mark.parametrize(
    ("wanted", "url", "holds"),
    [
        ("news.example/sports/", "https://news.example/sports", True),
        ("news.example/sports/", "https://NEWS.example:443/sports/nba?page=2#top", True),
        ("news.example/sports/", "https://news.example/sportsbook", False),
        ("news.example/sports/", "https://news.example/Sports/", False),
        ("news.example/sports/", "https://www.news.example/sports/", False),
        ("news.example/sports/", "https://news.example/", False),
        ("news.example", "http://news.example/anything/at/all", True),
        ("news.example/züge", "https://news.example/z%c3%bcge/1", True),
        ("news.example/a%2Fb", "https://news.example/a/b", False),
        ("news.example/a", "https://news.example/b/../a/", True),
    ],
)
def test_a_page_lies_in_an_address_by_whole_segments(wanted: str, url: str, holds: bool) -> None:
    assert (accepted(wanted) in prefixes_of(url)) is holds


@pytest.mark.parametrize(
    "sent",
    ["", "sports", "/sports/", "https://", "ftp://news.example/", "news.example/?a=1", "news.example/#a", "a b.example",
     "me@news.example", "news.example\\a", "https://[news.example", "x" * 501, ".",
     "news.example" + "/a" * (SEGMENTS_MAX + 1), 5, None, ["news.example"]],
)  # fmt: skip
def test_what_is_no_address_is_refused(sent: Any) -> None:
    with pytest.raises(Refused):
        accepted(sent)


@pytest.mark.parametrize(
    "url", [None, "", "news.example", "file:///a", "https://", "https://[", "\ud800", "https://\ud800/"]
)
def test_a_page_without_an_address_lies_nowhere(url: str | None) -> None:
    assert prefixes_of(url) == ()


def test_a_long_address_costs_no_more_than_the_deepest_that_may_be_booked() -> None:
    url = "https://news.example" + "/a" * 2000
    assert len(prefixes_of(url)) == SEGMENTS_MAX + 1
    assert accepted("news.example" + "/a" * SEGMENTS_MAX) == prefixes_of(url)[-1]
    assert prefixes_of("https://news.example/\ud800%80")


@pytest.mark.parametrize(
    ("url", "section", "found"),
    [
        ("https://news.example/sports/nba?page=2", (), ("sports", "sports/nba")),
        ("https://other.example/sports/", (), ("sports",)),
        ("https://news.example/sportsbook", (), ("sportsbook",)),
        ("https://news.example/", (), ()),
        (None, (), ()),
        ("https://news.example/a1b2", ("sports/nba",), ("sports", "sports/nba", "a1b2")),
        (None, ("sports", "Local"), ("sports", "Local")),
        ("ftp://news.example/sports", (), ()),
        ("https://news.example/%73ports/../local", (), ("local",)),
    ],
)
def test_a_section_is_a_path_on_any_host_or_what_the_page_says(
    url: str | None, section: tuple[str, ...], found: tuple[str, ...]
) -> None:
    assert sections_of(url, {"section": section} if section else {}) == found


@pytest.mark.parametrize(("value", "kept"), [("/sports/nba/", "sports/nba"), ("Sports", "Sports"), ("a/./b", "a/b")])
def test_a_section_is_kept_by_its_segments(value: str, kept: str) -> None:
    assert accepted_section(value) == kept == accepted_section(kept)


@pytest.mark.parametrize("value", ["", "/", "https://news.example/sports", "a b", "a?b", "/".join("a" * 21), None, 5])
def test_what_is_no_section_is_refused(value: object) -> None:
    with pytest.raises(Refused):
        accepted_section(value)
