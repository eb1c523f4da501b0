"""What a report counts: the one table of metrics. Pure.

Each is computed from sums of `rollup`; ratios are never summed, but computed again from the sums of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from adengine.counting.metrics import Metric as Stored

STORED = len(Stored)


class Sums:
    """The sums of one row of a report."""

    __slots__ = ("micros", "n")

    def __init__(self) -> None:
        self.n = [0] * STORED
        """By the number of the metric; a list, because thousands of rows are added up while somebody waits."""
        self.micros: dict[str, int] = {}
        """By currency, where anything was charged."""

    def add(self, stored: Iterable[int], counts: Iterable[int]) -> None:
        """stored: numbers of metrics.  counts: of each of them."""
        own = self.n
        for metric, n in zip(stored, counts, strict=True):
            own[metric] += n

    def charge(self, micros: int, currency: str) -> None:
        self.micros[currency] = self.micros.get(currency, 0) + micros

    def merge(self, other: Sums) -> None:
        self.n = [one + another for one, another in zip(self.n, other.n, strict=True)]
        for currency, micros in other.micros.items():
            self.charge(micros, currency)

    @property
    def most(self) -> int:
        """Of any metric."""
        return max(self.n)

    def __getitem__(self, metric: Stored) -> int:
        return self.n[metric]


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    definition: str
    stored: tuple[Stored, ...]
    """What it is computed from."""
    of: Callable[[Sums], int | float | None]
    """None: not defined for these sums."""
    is_ratio: bool = False


def _sum(name: str, definition: str, one: Stored, another: Stored | None = None) -> Metric:
    first, second = int(one), int(another or 0)  # plain numbers find their place in a list sooner
    if another is None:
        return Metric(name, definition, (one,), lambda sums: sums.n[first])
    return Metric(name, definition, (one, another), lambda sums: sums.n[first] + sums.n[second])


def _ratio(name: str, definition: str, above: Stored, below: Stored) -> Metric:
    return Metric(name, definition, (above, below), lambda sums: sums[above] / sums[below] if sums[below] else None,
                  is_ratio=True)  # fmt: skip


def _spend(sums: Sums) -> int | None:
    return next(iter(sums.micros.values()), 0) if len(sums.micros) < 2 else None


METRICS = (
    _sum("requests", "Slots that pages asked for; fills + empty.", Stored.FILL, Stored.EMPTY),
    _sum("fills", "Slots answered with a line, house lines included.", Stored.FILL),
    _sum("empty", "Slots answered with nothing; `reason` says why.", Stored.EMPTY),
    _sum("impressions", "Lines that began to render, each once; what is billed by cpm.", Stored.IMPRESSION),
    _sum("viewable", "Impressions at least half in view for one second, each once.", Stored.VIEWABLE),
    _sum(
        "measurable",
        "Impressions whose page could measure viewability: a script reported them, or a viewable.",
        Stored.MEASURABLE,
    ),
    _sum("clicks", "Clicks on impressions, each impression's first one.", Stored.CLICK),
    _ratio("ctr", "clicks / impressions.", Stored.CLICK, Stored.IMPRESSION),
    _ratio("viewable_rate", "viewable / measurable.", Stored.VIEWABLE, Stored.MEASURABLE),
    _sum(
        "invalid",
        "Impression beacons that were received and do not count; `reason` says why.",
        Stored.INVALID_IMPRESSION,
    ),
    _sum("gross", "All impression beacons: impressions + invalid.", Stored.IMPRESSION, Stored.INVALID_IMPRESSION),
    _sum("invalid_viewable", "Viewable beacons that do not count; `reason` says why.", Stored.INVALID_VIEWABLE),
    _sum("invalid_clicks", "Click beacons that do not count; `reason` says why.", Stored.INVALID_CLICK),
    Metric(
        "spend_micros",
        "What impressions (cpm), clicks (cpc) and the time that has passed of flights with a flat price cost, in "
        "millionths of the campaign's currency; null where currencies mix.",
        (Stored.IMPRESSION, Stored.CLICK),
        _spend,
    ),
    _sum(
        "capped",
        "Times that a cap kept a flight out of a slot that it had been drawn for; `reason` names the cap.",
        Stored.CAPPED,
    ),
)
BY_NAME = {metric.name: metric for metric in METRICS}
