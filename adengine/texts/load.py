"""Reads what ships with the slice: the fonts' widths and the stylesheet of the lines."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

STYLESHEET = "slot.css"


def stylesheet() -> bytes:
    """The one stylesheet that pages with sponsor lines include, UTF-8. Served as `/static/slot.css`."""
    return (files("adengine.texts") / "static" / STYLESHEET).read_bytes()


@cache
def font(file: str) -> Any:
    """The `uharfbuzz.Font` of a shipped file, opened once per process.

    uharfbuzz is imported here and not above: web workers never measure, and it costs each of them memory and start-up.
    """
    import uharfbuzz

    return uharfbuzz.Font(uharfbuzz.Face((files("adengine.texts") / "fonts" / file).read_bytes()))
