"""The publisher's own words about a page: key=value pairs. Case counts. Pure.

A flight wants one of its values of each key that it names: OR inside a key, AND between keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adengine.catalog.targets.refused import Refused, quoted

KEYS_MAX = 20
VALUES_MAX = 20
VALUE_CHARS_MAX = 100
KEY_PATTERN = "[A-Za-z0-9_.-]{1,40}"
_KEY = re.compile(KEY_PATTERN, re.ASCII)


def accepted(value: Any) -> str:
    """ "section=sports", the value after the first "="; raises `Refused`."""
    name, sign, word = value.partition("=") if isinstance(value, str) else ("", "", "")
    if not sign:
        raise Refused(f"must be key=value, such as section=sports, not {quoted(value)}")
    said = [*key_mistakes(name), *value_mistakes(word)]
    if said:
        raise Refused("; ".join(said))
    return f"{name}={word}"


def pairs_of(keys: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(f"{name}={word}" for name, words in keys.items() for word in words)


def key_of(pair: str) -> str:
    """What "section=sports" is about: "section"."""
    return pair.partition("=")[0]


def key_mistakes(name: str) -> list[str]:
    return [] if _KEY.fullmatch(name) else [f"a key has 1 to 40 letters a-z, digits and _ . -, unlike {quoted(name)}"]


def value_mistakes(word: Any) -> list[str]:
    if isinstance(word, str) and 0 < len(word) <= VALUE_CHARS_MAX and word.isprintable() and word == word.strip():
        return []
    return [f"a value is text of 1 to {VALUE_CHARS_MAX} characters that all can be seen, without outer spaces"]
