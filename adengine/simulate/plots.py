"""A simulation's document as one page of plots: plain SVG, no script, nothing loaded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2

WIDTH, HEIGHT = 100.0, 50.0
_PAGES = jinja2.Environment(loader=jinja2.PackageLoader("adengine.simulate"), autoescape=True, trim_blocks=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Polylines as SVG spells them, in a box of `WIDTH` × `HEIGHT`."""

    caption: str
    line: str
    due: str
    """Empty without a schedule; so is `band`."""
    band: str


def page(document: Mapping[str, Any]) -> str:
    """The document of `report` as HTML."""
    rows = [("all", document["goals"])]
    rows += [(f"priority {priority}", goals) for priority, goals in document["by_priority"].items()]
    plots = [plot_of(flight) for flight in document["flights"]]
    failed = [name for name, holds in document["audit"].items() if not holds]
    return _PAGES.get_template("report.html").render(**document, rows=rows, plots=plots, failed=failed)


def plot_of(flight: Mapping[str, Any]) -> Plot:
    points: Sequence[Mapping[str, Any]] = flight["points"]
    most = max([flight["goal"] or 0, 1, *(point["delivered"] or 0 for point in points)])
    span = (points[0]["at_s"], max(points[-1]["at_s"], points[0]["at_s"] + 1))

    def drawn(name: str, of: Iterable[Mapping[str, Any]] = points) -> list[str]:
        return [_place(point["at_s"], point[name], span, most) for point in of if point[name] is not None]

    told = f"{flight['delivered']} of {flight['goal']}" if flight["goal"] else str(flight["delivered"])
    return Plot(
        caption=f"{flight['name']}: {told}, {flight['state'].replace('_', ' ')}",
        line=" ".join(drawn("delivered")),
        due=" ".join(drawn("due")),
        band=" ".join([*drawn("low"), *drawn("high", reversed(points))]),
    )


def _place(at_s: float, value: float, span: tuple[float, float], most: float) -> str:
    across = WIDTH * (at_s - span[0]) / (span[1] - span[0])
    return f"{across:.1f},{HEIGHT - (HEIGHT - 1) * value / most:.1f}"
