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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle in the same box."""

    x: float
    y: float
    width: float
    height: float
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    caption: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A flight's click rate as a bar, with what it was worth without the luck of the draw as a mark; parts of 100."""

    name: str
    told: str
    bar: float
    mark: float


def page(document: Mapping[str, Any]) -> str:
    """The document of `report` as HTML."""
    rows = [("all", document["goals"])]
    rows += [(f"priority {priority}", goals) for priority, goals in document["by_priority"].items()]
    plots = [plot_of(flight) for flight in document["flights"]]
    caps = [bars_of(flight) for flight in document["flights"] if flight["cap"]]
    fill = areas_of(document["hours"])
    rates = rates_of(document["flights"])
    failed = [name for name, holds in document["audit"].items() if not holds]
    return _PAGES.get_template("report.html").render(
        **document, rows=rows, plots=plots, failed=failed, caps=caps, fill=fill, rates=rates
    )


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


def areas_of(hours: Sequence[Mapping[str, int]]) -> dict[str, str]:
    """The parts of each hour's slots that sponsors and house lines filled, as polygons over one another."""
    totals = [hour["sponsored"] + hour["house"] + hour["empty"] for hour in hours]
    span = (0, max(1, len(hours) - 1))

    def area(*names: str) -> str:
        tops = [_place(n, sum(hour[name] for name in names) / totals[n], span, 1.0) for n, hour in enumerate(hours)]
        return " ".join([f"0.0,{HEIGHT:.1f}", *tops, f"{WIDTH:.1f},{HEIGHT:.1f}"])

    return {"filled": area("sponsored", "house"), "sponsored": area("sponsored")}


def bars_of(flight: Mapping[str, Any]) -> Bars:
    """How many readers saw a capped flight once, twice, … at most in any 24 hours."""
    limit, readers = flight["cap"]["limit"], {int(n): number for n, number in flight["cap"]["readers"].items()}
    across, most = max([limit, *readers]), max([1, *readers.values()])
    width = WIDTH / (across + 1)
    told = ", ".join(f"{n}: {number}" for n, number in sorted(readers.items())) or "nobody"
    return Bars(
        caption=f"{flight['name']}, at most {limit} a day; readers by how many they saw: {told}",
        bars=tuple(
            Bar(
                x=round((n - 0.4) * width, 1),
                y=round(HEIGHT - (HEIGHT - 1) * number / most, 1),
                width=round(0.8 * width, 1),
                height=round((HEIGHT - 1) * number / most, 1),
                is_bad=n > limit,
            )
            for n, number in sorted(readers.items())
        ),
    )


def rates_of(flights: Sequence[Mapping[str, Any]]) -> list[Rate]:
    shown = [flight for flight in flights if flight["impressions"]]
    expected = [flight["expected_clicks"] / flight["impressions"] for flight in shown]
    most = max([*expected, *(flight["ctr"] for flight in shown), 1e-9])
    return [
        Rate(
            name=flight["name"],
            told=f"{100 * flight['ctr']:.2f} %, worth {100 * rate:.2f} %",
            bar=round(100 * flight["ctr"] / most, 1),
            mark=round(100 * rate / most, 1),
        )
        for flight, rate in zip(shown, expected, strict=True)
    ]


def _place(at_s: float, value: float, span: tuple[float, float], most: float) -> str:
    across = WIDTH * (at_s - span[0]) / (span[1] - span[0])
    return f"{across:.1f},{HEIGHT - (HEIGHT - 1) * value / most:.1f}"
