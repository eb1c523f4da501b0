"""What a batch of postings adds to each table of sums, as rows. Pure; `counting.ledger` writes them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from adengine.caps.windows import day_began_s
from adengine.counting.metrics import Metric
from adengine.counting.postings import Cell, Posting

DAILY = {Metric.FILL: "fills", Metric.IMPRESSION: "impressions", Metric.CLICK: "clicks"}
"""What `flight_day` sums, and in which column."""


def summed(postings: Sequence[Posting], adjustments: Mapping[int, int]) -> list[dict[str, Any]]:
    """One row per cell, in one order, so that two writers would never wait for each other crosswise.

    adjustments: quarter -> the id that its rows bear, where its hour is sealed.
    """
    sums: dict[Cell, list[int]] = defaultdict(lambda: [0, 0])
    for posting in postings:
        for cell, add in posting.adds:
            total = sums[cell]
            total[0] += add.n
            total[1] += add.micros
    return [
        cell._asdict() | {"adjustment": adjustments.get(cell.quarter_s, 0), "n": n, "micros": micros}
        for cell, (n, micros) in sorted(sums.items())
    ]


def leased(postings: Sequence[Posting]) -> list[dict[str, Any]]:
    """One row per flight and window of a lease."""
    spent = Counter((posting.flight, posting.leased) for posting in postings if posting.leased is not None)
    return [{"flight": flight, "window": window, "impressions": n} for (flight, window), n in sorted(spent.items())]


def reached_by(postings: Sequence[Posting]) -> list[dict[str, Any]]:
    """One row per flight and reader."""
    seen_by = Counter((posting.flight, posting.reader) for posting in postings if posting.reader is not None)
    return [{"flight": flight, "reader": reader, "impressions": n} for (flight, reader), n in sorted(seen_by.items())]


def of_days(postings: Sequence[Posting], zone: ZoneInfo) -> list[dict[str, Any]]:
    """One row per flight and day of `zone`."""
    days: dict[tuple[int, int], dict[str, int]] = defaultdict(lambda: dict.fromkeys(DAILY.values(), 0))
    for posting in postings:
        for cell, add in posting.adds:
            name = DAILY.get(cell.metric)
            if name is not None and cell.flight:
                days[cell.flight, day_began_s(cell.quarter_s, zone)][name] += add.n
    return [{"flight": flight, "day_s": day_s, **sums} for (flight, day_s), sums in sorted(days.items())]
