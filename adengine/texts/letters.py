"""Which characters a line may hold: nothing invisible, nothing that reorders, nothing that passes for another letter.

Pure. The classes of characters are Unicode's (`regex`), scripts and look-alikes are those of UTS 39
(`confusable-homoglyphs`); joiners follow RFC 5892, appendix A.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import regex
from confusable_homoglyphs import categories, confusables
from idna.core import valid_contextj


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden:
    """One thing that a line must not hold."""

    found: regex.Pattern[str]
    says: str


# Joiners, and the selector that asks for an emoji's colours, are invisible and still have their uses.
_JOINERS = r"\u200C\u200D"
_EMOJI_STYLE = r"\uFE0F"
FORBIDDEN = (
    Forbidden(found=regex.compile(r"\p{Cc}"), says="holds a control character"),
    Forbidden(found=regex.compile(r"[\p{Zl}\p{Zp}]"), says="holds a line break; a line is one line"),
    Forbidden(
        found=regex.compile(r"\p{Bidi_Control}"),
        says="holds a character that reorders text; the page isolates each line by itself",
    ),
    Forbidden(
        found=regex.compile(
            rf"(?V1)[[\p{{Default_Ignorable_Code_Point}}\p{{Cf}}\u2800]--[\p{{Bidi_Control}}\p{{Cn}}{_JOINERS}{_EMOJI_STYLE}]]"
        ),
        says="holds an invisible character",
    ),
    Forbidden(
        found=regex.compile(rf"(?<!\p{{Emoji}}){_EMOJI_STYLE}"),
        says="holds an invisible character (an emoji selector without its emoji)",
    ),
    Forbidden(found=regex.compile(r"\p{Co}"), says="holds a private-use character, which readers see as a box"),
    Forbidden(found=regex.compile(r"\p{Cn}"), says="holds a character that Unicode has not assigned"),
    Forbidden(found=regex.compile(r"\p{Cs}"), says="holds a lone surrogate; the text was decoded wrongly"),
    Forbidden(found=regex.compile(r"[\uFFFC\uFFFD]"), says="holds a replacement character; it was decoded wrongly"),
    Forbidden(
        found=regex.compile(r"(?V1)[\p{Zs}--[ \u00A0\u202F\u3000]]"),
        says="holds an unusual space; use an ordinary or a no-break space",
    ),
    Forbidden(found=regex.compile(r"^\s|\s$"), says="begins or ends with a space"),
    Forbidden(found=regex.compile(r"\s\s"), says="holds two spaces in a row; a page shows one"),
    Forbidden(found=regex.compile(r"\p{M}{3}"), says="holds more than two combining marks on one letter"),
    Forbidden(found=regex.compile(r"(?:^|\s)\p{M}"), says="holds a combining mark without a letter before it"),
)

# Scripts that are written together in one word (UTS 39, "highly restrictive").
WRITTEN_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
)
_LATIN = frozenset({"LATIN"})
OF_NO_SCRIPT = frozenset({"COMMON", "INHERITED", "UNKNOWN"})

_WORD = regex.compile(r"[\p{L}\p{M}]+")
_READABLE = regex.compile(r"[\p{L}\p{N}]")


def faults(text: str) -> list[str]:
    """What is wrong with the characters of `text`, a sentence each; empty when a line may hold them all."""
    said = [f"{row.says} ({_code_points(found[0])})" for row in FORBIDDEN if (found := row.found.search(text))]
    if _has_stray_joiner(text):
        said.append("holds an invisible joiner where no letters need joining")
    if said:
        return said
    if not unicodedata.is_normalized("NFC", text):
        said.append("is not in Unicode's composed form (NFC)")
    said += [f"mixes scripts in one word: {word}" for word in words(text) if not _is_of_one_script(word)]
    return said


def is_readable(text: str) -> bool:
    """Whether `text` holds a letter or a digit."""
    return _READABLE.search(text) is not None


def words(text: str) -> list[str]:
    """The runs of letters in `text`."""
    return _WORD.findall(text)


def imitations(text: str) -> list[str]:
    """Words that could be read as Latin ones but are written in another script, in a line with no honest word of it."""
    foreign = [word for word in words(text) if _scripts(word) and "LATIN" not in _scripts(word)]
    alike = [word for word in foreign if _looks_latin(word)]
    return alike if len(alike) == len(foreign) else []


def _code_points(characters: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in characters)


def _has_stray_joiner(text: str) -> bool:
    return any(c in "\u200c\u200d" and not valid_contextj(text, at) for at, c in enumerate(text))


def _is_of_one_script(word: str) -> bool:
    scripts = _scripts(word)
    return len(scripts) <= 1 or any(scripts <= together for together in WRITTEN_TOGETHER)


def _scripts(word: str) -> frozenset[str]:
    if word.isascii():
        return _LATIN
    return frozenset(map(categories.alias, word)) - OF_NO_SCRIPT


def _looks_latin(word: str) -> bool:
    letters = {letter for letter in word if categories.alias(letter) not in OF_NO_SCRIPT}
    alike = confusables.is_confusable(word, greedy=True, preferred_aliases=["latin"]) or []
    return letters <= {
        entry["character"] for entry in alike if any(glyph["c"].isascii() for glyph in entry["homoglyphs"])
    }
