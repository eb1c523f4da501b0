"""A slot's HTML. The browser picks the line: every variant is sent, and the stylesheet shows the longest that fits.

Pure; escaped throughout; no style, script or event handler, so that a page's strict content security policy holds.
How the stylesheet measures without scripts or font metrics, and what else was tried: docs/decisions/0003-lines.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Protocol

from adengine.texts.fitting import shown_label

SPONSORED = "sponsored nofollow noopener"
OWN = "nofollow noopener"
# Languages, and scripts when named, that are written from right to left.
RIGHT_TO_LEFT = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ps", "sd", "syr", "ug", "ur", "yi"}
    | {"adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"}
)


class Line(Protocol):
    """One text of a creative, without its label: a catalogue variant."""

    @property
    def text(self) -> str: ...


def filled(
    label: str, lines: Sequence[Line], *, click_url: str, impression_url: str | None = None, lang: str = ""
) -> str:
    """The HTML of a slot with a sponsor's line.

    label: the slot's own word, in the page's language; stands before every line.  lines: all of a creative's, narrowest
    first, at most `lines.VARIANTS_MAX`; send only the chosen one where no stylesheet will be (e-mail, feeds).
    impression_url: counted by an image when the page loads it; None for previews.  lang: BCP 47 tag of the lines.
    URLs are http(s) or begin with `/`; ValueError otherwise.
    """
    return _slot("spn", label, lines, SPONSORED, click_url, impression_url, lang)


def house(
    label: str, lines: Sequence[Line], *, click_url: str, impression_url: str | None = None, lang: str = ""
) -> str:
    """The HTML of a slot with a line of the publisher's own: as `filled`, but not marked as paid for."""
    return _slot("spn spn-house", label, lines, OWN, click_url, impression_url, lang)


def empty() -> str:
    """The HTML of a slot with nothing to show: as high as a filled one, silent to assistive technology."""
    return '<aside class="spn spn-empty" role="note" aria-hidden="true"></aside>'


def direction(lang: str) -> str:
    """`rtl`, `ltr` or, for an unknown language, `auto`, as the value of a `dir` attribute."""
    subtags = lang.casefold().split("-")
    script = next((subtag for subtag in subtags[1:] if len(subtag) == 4), "")
    if not subtags[0]:
        return "auto"
    return "rtl" if (script or subtags[0]) in RIGHT_TO_LEFT else "ltr"


def _slot(
    classes: str, label: str, lines: Sequence[Line], rel: str, click_url: str, impression_url: str | None, lang: str
) -> str:
    begin, inside = _fragments(classes, label, tuple([line.text for line in lines]), rel, lang)
    return f'{begin}{_href(click_url)}">{inside}</a>{_impression(impression_url)}</aside>'


@lru_cache(maxsize=4096)
def _fragments(classes: str, label: str, texts: tuple[str, ...], rel: str, lang: str) -> tuple[str, str]:
    """What stands before the link's address and what stands in the link: the same for all readers."""
    shown = _shown(label, texts, lang)
    name = f' aria-label="{escape(label)}"' if label else ""
    begin = f'<aside class="{classes}" role="note"{name}><a class="spn-a" rel="{rel}" href="'
    return begin, f"{_measured(shown)}{_choices(shown)}"


def _shown(label: str, texts: Sequence[str], lang: str) -> list[str]:
    """Each line as it stands on the page, narrowest first. `<bdi>` keeps its direction from touching the label's."""
    before = escape(shown_label(label))
    spoken = f' lang="{escape(lang)}" dir="{direction(lang)}"' if lang else ""
    return [f"{before}<bdi{spoken}>{escape(text)}</bdi>" for text in texts]


def _measured(shown: Sequence[str]) -> str:
    """The unseen copies of all lines but the narrowest, which shows when nothing else fits."""
    copies = "".join(f'<span class="spn-w"><span class="spn-t">{html}</span></span>' for html in shown[1:])
    return f'<span class="spn-m" aria-hidden="true">{copies}</span>' if copies else ""


def _choices(shown: Sequence[str]) -> str:
    """The lines, widest first: `spn-N` shows when N lines do not fit; `data-variant` counts from the narrowest, 0."""
    widest = len(shown) - 1
    lines = "".join(
        f'<span class="spn-v spn-{rank}" data-variant="{widest - rank}">{shown[widest - rank]}</span>'
        for rank in range(len(shown))
    )
    return f'<span class="spn-q">{lines}</span>'


def _impression(url: str | None) -> str:
    """Counts without scripts; out of flow, and lazy, so that a slot far down the page counts when it comes near."""
    if url is None:
        return ""
    return f'<img class="spn-i" src="{_href(url)}" alt="" width="1" height="1" loading="lazy">'


def _href(url: str) -> str:
    if not url.startswith(("https://", "http://", "/")):
        raise ValueError(f"not a link for a page: {url[:80]!r}")
    return escape(url)
