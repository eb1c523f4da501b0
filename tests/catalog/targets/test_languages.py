"""Languages: a wider tag admits the narrower, never the other way round."""

from __future__ import annotations

from typing import Any

import pytest

from adengine.catalog.targets.languages import accepted, ranges_of
from adengine.catalog.targets.refused import Refused


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("en", "en"), ("EN-us", "en-US"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("de-1996", "de-1996"),
     ("SL-ROZAJ", "sl-rozaj")],
)  # fmt: skip
def test_a_tag_is_kept_as_the_standard_writes_it(sent: str, kept: str) -> None:
    assert accepted(sent) == kept == accepted(kept)


@pytest.mark.parametrize(
    "sent", ["", "e", "engl", "en_US", "en-", "-en", "en US", "en-U", "*", "én", "en-US\n", 5, None]
)
def test_what_is_no_tag_is_refused(sent: Any) -> None:
    with pytest.raises(Refused):
        accepted(sent)


@pytest.mark.parametrize(
    ("lang", "ranges"),
    [("en-US", ("en", "en-US")), ("EN", ("en",)), ("en_gb", ("en", "en-GB")),
     ("zh-Hant-TW", ("zh", "zh-Hant", "zh-Hant-TW")), (None, ()), ("", ()), ("en--US", ()), ("???", ()),
     ("\ud800", ())],
)  # fmt: skip
def test_a_page_is_in_its_language_and_every_wider_one(lang: str | None, ranges: tuple[str, ...]) -> None:
    assert ranges_of(lang) == ranges


def test_whatever_is_accepted_is_met_by_a_page_in_it() -> None:
    for tag in ("en", "pt-BR", "zh-Hant-TW", "de-CH-1996", "sl-rozaj-biske"):
        assert ranges_of(tag.upper())[-1] == accepted(tag)
