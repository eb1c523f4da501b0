"""Lines with defaults: the sponsor this project was born with."""

from __future__ import annotations

from dataclasses import dataclass

from adengine.texts import Measured, measure, shown_label

LABEL = "Sponsor"
BRAND = "QWIKET"
SHORT = "QWIKET: Elevate your fantasy game! Interactive Sports Knowledge."
LONG = (
    "QWIKET: Elevate your fantasy game! Interactive Sports Knowledge and Reasoning Support for Fantasy Sports and "
    "Betting Enthusiasts."
)


@dataclass(frozen=True, slots=True)
class ALine:
    text: str


def some_lines(*texts: str) -> list[ALine]:
    return [ALine(text) for text in texts or (BRAND, SHORT, LONG)]


def some_variants(**changes: str) -> list[tuple[str, str]]:
    """(role, text) of the three lines, or of those named."""
    return list(({"brand": BRAND, "short": SHORT, "long": LONG} | changes).items())


def some_sizes(*texts: str) -> list[Measured]:
    return [measure(text) for text in texts or (BRAND, SHORT, LONG)]


def label_em(label: str = LABEL) -> dict[str, float]:
    return dict(measure(shown_label(label)).width_em)
