"""Which line the server chooses when the caller says how much room there is. Pure.

For e-mail, feeds, native apps and pages without CSS. Where CSS works the browser chooses (`render`), exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from adengine.texts.widths import clusters

# The widest family of a font class is 1.08 times as wide as the font that the class is measured in (`fonts`).
SAFETY = 1.08


class Sized(Protocol):
    """A line's lengths without its label: a catalogue variant, or `widths.Measured`."""

    @property
    def chars(self) -> int: ...
    @property
    def width_em(self) -> Mapping[str, float]: ...


def shown_label(label: str) -> str:
    """The label as it stands before every line, with its colon and space; nothing for an empty label."""
    return f"{label}: " if label else ""


def longest_that_fits(
    variants: Sequence[Sized],
    *,
    label: str,
    label_em: Mapping[str, float],
    font: str,
    font_px: float,
    max_width_px: float | None = None,
    max_chars: int | None = None,
) -> int | None:
    """Index of the longest variant that fits both limits, label included; None when not even the shortest does.

    variants: shortest first.  label_em: advance widths of `shown_label(label)` by font class.  font: a font class.
    font_px: size of the line's font.  max_width_px, max_chars: None for no limit; with neither, the longest is chosen.
    A width is taken 8 % wider than measured, so that a line is never cut off in a font of the same class.
    """
    room_em = None if max_width_px is None else max_width_px / (font_px * SAFETY) - label_em[font]
    room_chars = None if max_chars is None else max_chars - _label_chars(label)
    for index in range(len(variants) - 1, -1, -1):
        variant = variants[index]
        if room_em is not None and variant.width_em[font] > room_em:
            continue
        if room_chars is not None and variant.chars > room_chars:
            continue
        return index
    return None


@lru_cache(maxsize=1024)
def _label_chars(label: str) -> int:
    return len(clusters(shown_label(label)))
