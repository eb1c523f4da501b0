"""What a reviewer should look at in a creative's lines and landing page, though nothing of it is forbidden. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from adengine.errors import Mistake
from adengine.texts import letters
from adengine.texts.fonts import UNKNOWN
from adengine.texts.widths import Measured

NEAR_EQUAL = 1.1
"""A line this many times as wide as the one before is hardly worth having."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A habit of writing that publishers dislike."""

    languages: frozenset[str]
    """Primary BCP 47 subtags; empty: every language."""
    found: regex.Pattern[str]
    says: str


STYLES = (
    Style(
        languages=frozenset(),
        found=regex.compile(r"[!?]{2,}|,,|;;|::|\.{4,}|(?<!\.)\.\.(?!\.)|!.*!"),
        says="doubled or repeated punctuation",
    ),
    Style(
        languages=frozenset(),
        found=regex.compile(r"https?://|www\.|[\w.-]+@[\w-]+\.\w+", regex.IGNORECASE),
        says="an address in the text; readers follow the line itself",
    ),
    Style(
        languages=frozenset(),
        found=regex.compile(r"\p{Emoji_Presentation}|\uFE0F"),
        says="an emoji; its width and look differ between devices",
    ),
    Style(
        languages=frozenset({"", "en"}),
        found=regex.compile(
            r"\b(?:click here|act now|free|guaranteed|risk[- ]free|cheapest|miracle|no\. ?1)\b|#1\b", regex.IGNORECASE
        ),
        says="a claim to check against the publisher's policy",
    ),
    Style(
        languages=frozenset({"de"}),
        found=regex.compile(
            r"\b(?:hier klicken|gratis|kostenlos|garantiert|billigste[rns]?|nr\. ?1)\b", regex.IGNORECASE
        ),
        says="a claim to check against the publisher's policy",
    ),
    Style(
        languages=frozenset({"fr"}),
        found=regex.compile(r"\b(?:cliquez ici|gratuite?s?|garantie?s?|n° ?1)\b", regex.IGNORECASE),
        says="a claim to check against the publisher's policy",
    ),
    Style(
        languages=frozenset({"es"}),
        found=regex.compile(r"\b(?:haga clic|gratis|garantizad[oa]s?|n\.º ?1)\b", regex.IGNORECASE),
        says="a claim to check against the publisher's policy",
    ),
)
_SHOUTED = regex.compile(r"\p{Lu}{4,}")


def remarks(lines: Sequence[tuple[int, str, Measured]], locale: str) -> list[Mistake]:
    """The remarks on (index, text, size) of each sound line, shortest first; pointers as for mistakes."""
    brand = lines[0][1] if lines and lines[0][0] == 0 else ""
    language = locale.split("-")[0].casefold()
    said = [
        Mistake(f"/variants/{index}/text", sentence)
        for index, text, _ in lines
        for sentence in (*_style_remarks(text, language), *_brand_remarks(text, brand), *_imitation_remarks(text))
    ]
    return said + _near_equals(lines)


def _style_remarks(text: str, language: str) -> list[str]:
    return [
        f"{row.says}: {found[0]}"
        for row in STYLES
        if (not row.languages or language in row.languages) and (found := row.found.search(text))
    ]


def _brand_remarks(text: str, brand: str) -> list[str]:
    """On lines that do not name the brand, and on words in capitals that are not the brand's own."""
    names = {word.casefold() for word in letters.words(brand)}
    shouted = [word for word in letters.words(text) if _SHOUTED.fullmatch(word) and word.casefold() not in names]
    said = [f"words in capitals: {' '.join(shouted)}"] if shouted else []
    if not names <= {word.casefold() for word in letters.words(text)}:
        said.append(f"does not name the brand ({brand}), so it does not stand alone")
    return said


def _imitation_remarks(text: str) -> list[str]:
    return [f"{word} looks like a Latin word but is not" for word in letters.imitations(text)]


def _near_equals(lines: Sequence[tuple[int, str, Measured]]) -> list[Mistake]:
    return [
        Mistake(f"/variants/{index}/text", "hardly wider than the line before it")
        for (_, _, before), (index, _, size) in pairwise(lines)
        if 1 < size.width_em[UNKNOWN] / before.width_em[UNKNOWN] < NEAR_EQUAL
    ]
