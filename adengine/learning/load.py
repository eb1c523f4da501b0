"""What learning reads of the counts."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, case, func, select

from adengine.counting.metrics import Metric
from adengine.counting.tables import rollup
from adengine.learning.cells import Cell, Cells
from adengine.learning.evidence import Evidence, added
from adengine.store.sql import reading

WINDOW_S = 28 * 86_400
"""What is older says nothing any more."""


def evidence(engine: Engine, versions: Mapping[int, int], cells: Cells, now_s: int) -> Evidence:
    """Of the last `WINDOW_S`.  versions: of each creative the one that is shown: what others taught is forgotten.

    Raises `DatabaseUnavailable`.
    """
    cell = (rollup.c.creative, rollup.c.version, rollup.c.place, rollup.c.topic)
    seen, clicked = (
        func.sum(case((rollup.c.metric == metric, rollup.c.n), else_=0)) for metric in (Metric.IMPRESSION, Metric.CLICK)
    )
    query = (
        select(*cell, seen, clicked)
        .where(rollup.c.metric.in_((Metric.IMPRESSION, Metric.CLICK)), rollup.c.quarter_s >= now_s - WINDOW_S)
        .group_by(*cell)
    )
    found: dict[int, dict[Cell, tuple[int, int]]] = {}
    with reading(engine) as connection:
        for creative, version, place, topic, impressions, clicks in connection.execute(query):
            if versions.get(creative) == version:
                here, counts = cells.of(place, topic), found.setdefault(creative, {})
                counts[here] = added((counts.get(here, (0, 0)), (int(impressions), int(clicks))))
    return Evidence({creative: _possible(counts) for creative, counts in found.items()})


def _possible(counts: Mapping[Cell, tuple[int, int]]) -> dict[Cell, tuple[int, int]]:
    """A click may be counted in another quarter, or topic, than its impression."""
    return {cell: (impressions, min(clicks, impressions)) for cell, (impressions, clicks) in counts.items()}
