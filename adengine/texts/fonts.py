"""The classes of fonts that a line is measured in, and which class a slot's `font` belongs to.

Pure: `widths` shapes text in the shipped files, `load` reads them. The browser never needs these figures: it measures
with its own font (`render`). They serve the choices made on the server, for e-mail, feeds, native apps.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FontClass:
    """Fonts that are about as wide as one free font, whose widths ship with the package."""

    name: str
    file: str
    """The shipped file below `texts/fonts/`: widths, kerning and ligatures, without the shapes of letters."""
    families: frozenset[str]
    """Casefolded CSS families that are at most 1.08 times as wide as the file's font, in regular weight."""


# A family earns its place by measurement: 1.08 (`fitting.SAFETY`) covers it. Widths relative to the file's font, over
# seven lines in four languages: Roboto 0.95-1.03 and Lato 0.96-1.04 of Arial; Noto Serif 1.01-1.08, Lora 1.00-1.05, PT
# Serif 0.96-1.03, Times 0.91-0.96 of Georgia; all fixed-width ones 1.00. Too wide, hence `system-ui`: Noto Sans (1.10
# of Arial), Inter (1.09), Merriweather (1.09 of Georgia), DejaVu Serif (1.17).
TIMES = frozenset({"times", "times new roman", "liberation serif", "tinos"})
FIXED_WIDTH = frozenset(
    {"monospace", "ui-monospace", "courier", "courier new", "liberation mono", "cousine", "dejavu sans mono"}
    | {"menlo", "monaco", "consolas", "roboto mono", "source code pro"}
)
FONT_CLASS_ROWS = (
    FontClass(name="system-ui", file="dejavu-sans.ttf", families=frozenset()),
    FontClass(
        name="arial",
        file="arimo.ttf",
        families=frozenset({"arial", "helvetica", "helvetica neue", "liberation sans", "arimo", "roboto", "lato"}),
    ),
    FontClass(
        name="georgia",
        file="gelasio.ttf",
        families=frozenset({"georgia", "gelasio", "noto serif", "lora", "pt serif"} | TIMES),
    ),
    FontClass(name="mono", file="dejavu-sans-mono.ttf", families=FIXED_WIDTH),
)
FONT_CLASSES = tuple(row.name for row in FONT_CLASS_ROWS)
UNKNOWN = FONT_CLASSES[0]
_CLASS_OF = {family: row.name for row in FONT_CLASS_ROWS for family in (row.name, *row.families)}


def font_class(font_name: str) -> str:
    """The class of a CSS `font-family`: that of its first family, which is what most readers see.

    font_name: a family or a list of them, quoted or not. An unknown family is `system-ui`, measured with the widest of
    the common fonts (DejaVu Sans, as wide as Verdana): of 15 proportional ones tried, none was above 1.08 times it.
    """
    first = font_name.split(",", 1)[0].strip().strip("\"'").strip()
    return _CLASS_OF.get(" ".join(first.casefold().split()), UNKNOWN)
