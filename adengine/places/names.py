"""When two spellings are one name: the keys under which the gazetteer files its names and codes.

Pure; `tools/build_places.py` and the look-up share it, so any change here needs a rebuilt gazetteer.
Equal are spellings that differ in case, accents, spaces, hyphens, apostrophes and dots, and in St. / Saint,
Ste. / Sainte, Mt. / Mount, Ft. / Fort, "Cass Co." / "Cass County" and & / and. Nothing else is: no letter is ever
dropped, added or guessed.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b

# Letters that Unicode does not take apart into a base letter and a mark; and the two apostrophes that it calls letters.
_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŋ": "n", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th"}
    | {"\u02bb": " ", "\u02bc": " "}
)
_SHORT = {"st": "saint", "ste": "sainte", "mt": "mount", "ft": "fort"}
_WORD = re.compile(r"[a-z0-9]+")
# The accents of Latin, Greek and Cyrillic. Marks beyond them (the vowels of Indic scripts, the voicing of kana) tell
# names apart and stay.
_ACCENT_FIRST, _ACCENT_LAST = "\u0300", "\u036f"


def plain(name: str) -> str:
    """The letters and digits of a name, without spaces: "Coeur d'Alene" -> "coeurdalene", "St. Paul" -> "saintpaul".

    Spaces go because sources disagree about them (De Kalb and DeKalb, Mc Intosh and McIntosh).
    """
    words = _words(name)
    if len(words) > 1:
        # A last word stays: "Main St" is a street. "Co" is a county only behind its name.
        words = [_SHORT.get(word, word) for word in words[:-1]] + ["county" if words[-1] == "co" else words[-1]]
    return "".join(words)


def name_key(name: str) -> int:
    """48 bits that stand for a name; 0 for one without letters or digits."""
    letters = plain(name)
    return _key(b"name", letters) if letters else 0


def iso_key(code: str) -> int:
    """48 bits for an ISO 3166 code: "US", "USA" or "US-MN", in any case."""
    return _key(b"iso", code.upper())


def state_key(code: str) -> int:
    """48 bits for a short form of a US state, USPS or AP style: "MN", "Minn"."""
    return _key(b"state", code.upper())


def suffix_key(code: str) -> int:
    """48 bits for the second half of an ISO 3166-2 code, which many countries may share: "ON", "NSW"."""
    return _key(b"suffix", code.upper())


def _words(name: str) -> list[str]:
    if name.isascii():
        return _WORD.findall(name.lower().replace("&", " and "))
    folded = unicodedata.normalize("NFKD", name.casefold()).casefold().translate(_LETTERS).replace("&", " and ")
    kept = "".join(map(_kept, folded))
    return kept.split()


def _kept(char: str) -> str:
    if char.isalnum():
        return char
    if _ACCENT_FIRST <= char <= _ACCENT_LAST:
        return ""
    return char if unicodedata.category(char)[0] == "M" else " "


def _key(namespace: bytes, text: str) -> int:
    # 48 bits: a name that nobody bears meets one of 1.2 million by chance once in 2.4e8; 64 would ship 2.4 MB more.
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6, person=namespace).digest()
    return int.from_bytes(digest, "big") or 1
