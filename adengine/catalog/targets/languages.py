"""Languages by BCP 47 tags: "en" admits "en-US", "en-US" only itself and what is narrower (RFC 4647, 3.3.1). Pure."""

from __future__ import annotations

import re
from typing import Any

from adengine.catalog.targets.refused import Refused, quoted

PATTERN = r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3})){0,3}$"
"""Language, script, region, variants (RFC 5646, 2.1), without extensions and private use."""
_TAG = re.compile(PATTERN, re.ASCII)
_LETTERS = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_SCRIPT, _REGION = 4, 2


def accepted(value: Any) -> str:
    """The tag as RFC 5646 writes it: "EN-us" -> "en-US"; raises `Refused`."""
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        raise Refused(f"must be a BCP 47 tag such as en, pt-BR or zh-Hant-TW, not {quoted(value)}")
    return _canonical(value.split("-"))


def ranges_of(lang: str | None) -> tuple[str, ...]:
    """Every tag that admits a page in `lang`: "en-US" -> ("en", "en-US"); none for a page in no known language."""
    subtags = (lang or "").replace("_", "-").split("-")
    if not all(map(_LETTERS.fullmatch, subtags)):
        return ()
    return tuple(_canonical(subtags[:length]) for length in range(1, len(subtags) + 1))


def _canonical(subtags: list[str]) -> str:
    first, *rest = (subtag.lower() for subtag in subtags)
    return "-".join([first, *map(_cased, rest)])


def _cased(subtag: str) -> str:
    if len(subtag) == _SCRIPT and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == _REGION else subtag
