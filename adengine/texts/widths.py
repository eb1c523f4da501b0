"""How long a text is: in grapheme clusters, in cells, and in em for each class of fonts.

Measured once, when a line or a label is stored; nothing on the way to a fill measures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType
from typing import Any

import regex
import wcwidth

from adengine.texts import load
from adengine.texts.fonts import FONT_CLASS_ROWS

# What a cluster without a glyph in the shipped fonts is taken to be wide, in em. East Asian wide characters are exactly
# one em in the fonts made for them; colour emoji are 1.17 to 1.37. For other scripts, 0.9 per letter or spacing mark is
# above all of seven measured in Noto Sans (Thai 0.54, Khmer 0.46, Devanagari 0.51, Bengali 0.52, Tamil 0.75, Malayalam
# 0.85, Arabic 0.44).
WIDE_EM = 1.0
EMOJI_EM = 1.4
OTHER_EM = 0.9
FALLBACK_FILE = FONT_CLASS_ROWS[0].file

_CLUSTER = regex.compile(r"\X")
_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\uFE0F")
_ADVANCING = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}\p{Zs}\p{Mc}]")
_RIGHT_TO_LEFT = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    chars: int
    """Grapheme clusters (UAX 29)."""
    cells: int
    """Terminal cells: East Asian wide characters count two."""
    width_em: Mapping[str, float]
    """Advance width in em by font class, regular weight; rounded up to 1/10 000."""


@lru_cache(maxsize=4096)
def measure(text: str) -> Measured:
    """The lengths of `text` on one line. Lone surrogates count as question marks; nothing is refused here.

    Remembered, because a line that is checked, previewed and stored is measured each time.
    """
    text = text.encode("utf-8", "replace").decode()
    return Measured(
        chars=len(clusters(text)),
        cells=max(wcwidth.wcswidth(text), 0),
        width_em=MappingProxyType(
            {row.name: _rounded_up(_width_em(text, (row.file, FALLBACK_FILE))) for row in FONT_CLASS_ROWS}
        ),
    )


def clusters(text: str) -> list[str]:
    """The grapheme clusters of `text`: what a reader calls its characters."""
    return _CLUSTER.findall(text)


def _rounded_up(width_em: float) -> float:
    return math.ceil(width_em * 10_000 - 1e-6) / 10_000


def _width_em(text: str, font_files: tuple[str, ...]) -> float:
    return math.fsum(
        _shaped_em(run, load.font(file)) if file else math.fsum(map(_guessed_em, clusters(run)))
        for file, run in _runs(text, font_files)
    )


def _runs(text: str, font_files: tuple[str, ...]) -> Iterator[tuple[str | None, str]]:
    """`text` in pieces that one font can shape in one direction; None where no font has the letters."""

    for (file, _), run in groupby(clusters(text), lambda cluster: _shaper(cluster, font_files)):
        yield file, "".join(run)


@lru_cache(maxsize=8192)
def _shaper(cluster: str, font_files: tuple[str, ...]) -> tuple[str | None, bool]:
    """The first font that has all of the cluster, and whether it runs from right to left."""
    if _EMOJI.search(cluster):
        return None, False
    has_all = (file for file in font_files if all(load.font(file).get_nominal_glyph(ord(c)) for c in cluster))
    return next(has_all, None), bool(_RIGHT_TO_LEFT.search(cluster))


def _shaped_em(run: str, font: Any) -> float:
    import uharfbuzz

    buffer = uharfbuzz.Buffer()
    buffer.add_str(run)
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer)
    return float(sum(place.x_advance for place in buffer.glyph_positions) / font.face.upem)


def _guessed_em(cluster: str) -> float:
    if _EMOJI.search(cluster):
        return EMOJI_EM
    if wcwidth.wcswidth(cluster) > 1 and not regex.search(r"\p{Mc}", cluster):
        return WIDE_EM
    return OTHER_EM * len(_ADVANCING.findall(cluster))
