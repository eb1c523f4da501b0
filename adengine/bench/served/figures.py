"""From what was measured to the document that `bench --json` writes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STOCK, FAST, AGAIN, BEACON = "LIMIT-STOCK", "LIMIT-FAST", "LIMIT-STOCK again", "impression"


@dataclass(slots=True)
class Row:
    """One subject's figures, one of each a round."""

    cpu_us: list[float] = field(default_factory=list)
    """Of the worker, a request."""
    store_us: list[float] = field(default_factory=list)
    """Of the store's process, a request."""
    per_s: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    """Of the answers over all connections at once."""
    p50_c1_us: list[float] = field(default_factory=list)
    """With one connection."""

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpu_us)

    def told(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "cpu_us": round(self.cpu, 1),
            "least": round(min(self.cpu_us), 1),
            "most": round(max(self.cpu_us), 1),
            "per_s": round(statistics.median(self.per_s)),
            "p50_us": round(statistics.median(self.p50_us)),
            "p50_c1_us": round(statistics.median(self.p50_c1_us)) if self.p50_c1_us else None,
            "store_us": round(statistics.median(self.store_us), 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Of the largest book; medians."""

    rebuild_s: float
    """From an edit's request to a new catalogue of all creatives on the shelf."""
    edit_visible_s: float
    """From an edit's request until pages of all of two workers are decided by it."""
    restart_s: float
    """From the start of a compiler, behind an edit that it missed, to a catalogue on the shelf."""
    first_s: float
    """From the start of a compiler on an empty shelf until a worker serves."""
    index_mb: float
    """Of the compiled catalogue, that all workers of a machine share; without texts."""
    worker_mb: float
    """A worker's own memory beside it."""


def fill_of(size: int) -> str:
    return f"fill, 3 slots, {size:,} creatives"


def document(rows: Mapping[str, Row], sizes: Sequence[int], catalogue: Catalogue, machine: str) -> dict[str, Any]:
    """sizes: ascending.  Ratios of requests per second and core are inverse ones of CPU time per request."""
    stock, fast, small, large = (rows[name].cpu for name in (STOCK, FAST, fill_of(sizes[0]), fill_of(sizes[-1])))
    least, most = power(sizes[0]), power(sizes[-1])
    p50 = {name: statistics.median(rows[name].p50_c1_us) for name in (STOCK, fill_of(sizes[0]))}
    ratios = {
        f"fill_{least}_vs_stock": stock / small,
        f"fill_{least}_vs_fast": fast / small,
        **({f"fill_{most}_vs_fast": fast / large, f"cpu_{most}_vs_{least}": large / small} if len(sizes) > 1 else {}),
        "p50_c1_vs_stock": p50[fill_of(sizes[0])] / p50[STOCK],
        "beacon_vs_stock": stock / rows[BEACON].cpu,
    }
    return {
        "machine": machine,
        "noise": round(rows[AGAIN].cpu / stock - 1, 3),
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
        f"rebuild_{most}_s": round(catalogue.rebuild_s, 2),
        "edit_visible_s": round(catalogue.edit_visible_s, 2),
        f"index_mb_{most}": round(catalogue.index_mb, 3),
        "rows": [
            *(row.told(name) for name, row in rows.items()),
            *(
                {"name": f"{name}, {sizes[-1]:,} creatives", unit: round(figure, 2)}
                for name, unit, figure in (
                    ("a compiler that starts again", "s", catalogue.restart_s),
                    ("a compiler's first reading of the database", "s", catalogue.first_s),
                    ("a worker's own memory", "mb", catalogue.worker_mb),
                )
            ),
        ],
    }


def power(size: int) -> str:
    """1e5 for 100000."""
    return f"{size:.0e}".replace("e+0", "e")
