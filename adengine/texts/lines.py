"""What the lines of a creative must be, all mistakes at once, and what a reviewer should look at.

Pure. A mistake refuses the upload; a remark only stands beside it in the review.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from adengine.errors import Mistake
from adengine.texts import letters
from adengine.texts.fonts import FONT_CLASSES
from adengine.texts.remarks import remarks
from adengine.texts.widths import Measured, measure

FIRST_ROLE = "brand"
VARIANTS_MAX = 8
"""The stylesheet has a rule for each."""
BYTES_MAX = 2048
LENGTH_MAX = {"brand": 25, "short": 90}
"""Longest line by role, in characters and in cells, as OpenRTB Native 1.2 (7.5) names its text assets."""
LENGTH_MAX_OTHER = 140
ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


def check_variants(variants: Sequence[tuple[str, str]], *, locale: str = "") -> tuple[list[Mistake], list[Mistake]]:
    """All mistakes in a creative's lines, and the remarks for its reviewer.

    variants: (role, text), shortest first.  locale: BCP 47 tag of the creative; chooses the policy words.
    Pointers are `/variants`, `/variants/N/role` and `/variants/N/text`. Remarks are made only of lines without mistake.
    """
    mistakes = _count_mistakes(variants)
    mistakes += _role_mistakes([role for role, _ in variants])
    faulty = {}
    for index, (role, text) in enumerate(variants):
        if said := line_faults(text, LENGTH_MAX.get(role, LENGTH_MAX_OTHER)):
            faulty[index] = said
    mistakes += [Mistake(f"/variants/{i}/text", sentence) for i, said in faulty.items() for sentence in said]
    sound = {index: measure(text) for index, (_, text) in enumerate(variants) if index not in faulty}
    mistakes += _width_mistakes(variants, sound)
    return mistakes, remarks([(index, variants[index][1], size) for index, size in sound.items()], locale)


def check_label(label: str) -> list[Mistake]:
    """All mistakes in the label that a slot puts before its lines; it may be empty. Pointer `/label`."""
    return [Mistake("/label", sentence) for sentence in line_faults(label, LENGTH_MAX["brand"])] if label else []


def line_faults(text: str, length_max: int) -> list[str]:
    """What is wrong with one line by itself, a sentence each.

    length_max: in characters (grapheme clusters) and in cells, of which East Asian wide characters fill two.
    """
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > BYTES_MAX:
        return [f"is {size_bytes} bytes long; at most {BYTES_MAX} are allowed"]
    said = letters.faults(text)
    if not letters.is_readable(text):
        return [*said, "must hold at least one letter or digit"]
    measured = measure(text)
    if measured.chars > length_max:
        said.append(f"is {measured.chars} characters long; at most {length_max} are allowed")
    elif measured.cells > length_max:
        said.append(f"fills {measured.cells} cells (wide characters fill two); at most {length_max} are allowed")
    return said


def _count_mistakes(variants: Sequence[tuple[str, str]]) -> list[Mistake]:
    if not variants:
        return [Mistake("/variants", "must hold at least one line")]
    if len(variants) > VARIANTS_MAX:
        return [Mistake("/variants", f"holds {len(variants)} lines; at most {VARIANTS_MAX} are allowed")]
    return []


def _role_mistakes(roles: Sequence[str]) -> list[Mistake]:
    mistakes = []
    for index, role in enumerate(roles):
        pointer = f"/variants/{index}/role"
        if not ROLE.fullmatch(role):
            mistakes.append(Mistake(pointer, "must be 1 to 32 of a-z, 0-9, - and _, beginning with a letter"))
        elif role in roles[:index]:
            mistakes.append(Mistake(pointer, f"{role} is used twice"))
        elif (index == 0) != (role == FIRST_ROLE):
            mistakes.append(Mistake(pointer, f"the first role, and only the first, is {FIRST_ROLE}"))
    return mistakes


def _width_mistakes(variants: Sequence[tuple[str, str]], sound: dict[int, Measured]) -> list[Mistake]:
    """Each line must be wider than the one before in every class of fonts, so that a wider page shows a longer line."""
    return [
        Mistake(f"/variants/{index}/text", f"must be wider than {variants[before][0]}, the line before it")
        for before, index in pairwise(sound)
        if any(sound[index].width_em[name] <= sound[before].width_em[name] for name in FONT_CLASSES)
    ]
