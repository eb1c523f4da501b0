"""Interleaved rounds of the same number of calls: CPU time of this process, medians, how far two equal runs differ.

In one process, through WSGI, on a real Valkey of its own: what an HTTP server adds (the same to both) is left out, and
so is the store's own time. Ratios to the limits are the figures to trust; microseconds only on an idle machine.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from adengine.bench.subjects import AGAIN, BEACON, FAST, FILL, PLACE, STOCK, Subject, bench_of

WARM_CALLS = 2_000
"""Enough for most of the bench's pages to be like one before."""
EDITS = 5
US = 1e6
Progress = Callable[[str, int, int], None]
"""(what is being done, how much of it is done, of how much)"""


@dataclass(slots=True)
class Row:
    """One subject's figures, one of each a round."""

    cpu_us: list[float] = field(default_factory=list)
    """Of this process, a call."""
    wall_us: list[float] = field(default_factory=list)
    """Median of a round's calls, the store's answer included."""


def run(rounds: int, calls: int, sizes: Sequence[int], progress: Progress) -> dict[str, Any]:
    """The document that `bench --json` writes.

    sizes: numbers of creatives, ascending; the first is what beacons and places are measured at.
    """
    with ExitStack() as stack:
        found: dict[str, Subject] = {}
        for size in sizes:
            bench = stack.enter_context(bench_of(size, partial(_writing, progress, size)))
            found |= {
                _named(name, size): subject
                for name, subject in bench.subjects.items()
                if size == sizes[0] or name == FILL
            }
        rows = _measured(found, rounds, calls, progress)
        edits_s = [bench.edit() for _ in range(EDITS)]
    largest = _power(sizes[-1])
    return _document(rows, rounds, calls, sizes) | {
        "catalogue": {
            "edit_visible_s": round(statistics.median(edits_s), 3),
            f"index_mb_{largest}": round(bench.index_mb, 3),
        }
    }


def _writing(progress: Progress, size: int, done: int) -> None:
    progress(f"writing {size:,} creatives", done, size)


def _named(name: str, size: int) -> str:
    return f"{name}, {size:,} creatives" if name == FILL else name


def _measured(found: Mapping[str, Subject], rounds: int, calls: int, progress: Progress) -> dict[str, Row]:
    for subject in found.values():
        _round(subject, WARM_CALLS)
    rows = {name: Row() for name in found}
    for done in range(rounds):
        for name, subject in found.items():
            cpu_us, wall_us = _round(subject, calls)
            rows[name].cpu_us.append(cpu_us)
            rows[name].wall_us.append(wall_us)
        progress("measuring", done + 1, rounds)
    return rows


def _round(subject: Subject, calls: int) -> tuple[float, float]:
    """(CPU a call, median wall time of a call) in µs."""
    subject.prepare(calls)
    walls = []
    began_s = time.process_time()
    for _ in range(calls):
        at_s = time.perf_counter()
        subject()
        walls.append(time.perf_counter() - at_s)
    return (time.process_time() - began_s) / calls * US, statistics.median(walls) * US


def _document(rows: Mapping[str, Row], rounds: int, calls: int, sizes: Sequence[int]) -> dict[str, Any]:
    cpu = {name: statistics.median(row.cpu_us) for name, row in rows.items()}
    wall = {name: statistics.median(row.wall_us) for name, row in rows.items()}
    small, large = (_named(FILL, size) for size in (sizes[0], sizes[-1]))
    ratios = {
        f"fill_{_power(sizes[0])}_vs_stock": cpu[STOCK] / cpu[small],
        f"fill_{_power(sizes[0])}_vs_fast": cpu[FAST] / cpu[small],
        "p50_c1_vs_stock": wall[small] / wall[STOCK],
        "beacon_vs_stock": cpu[STOCK] / cpu[BEACON],
        "places_per_stock": cpu[STOCK] / cpu[PLACE],
    }
    if small != large:
        ratios[f"fill_{_power(sizes[-1])}_vs_fast"] = cpu[FAST] / cpu[large]
        ratios[f"cpu_{_power(sizes[-1])}_vs_{_power(sizes[0])}"] = cpu[large] / cpu[small]
    return {
        "machine": f"{platform.machine()}, Python {platform.python_version()}, {rounds} rounds of {calls} calls",
        "noise": round(cpu[AGAIN] / cpu[STOCK] - 1, 3),
        "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "rows": [
            {
                "name": name,
                "us": round(cpu[name], 1),
                "least": round(min(row.cpu_us), 1),
                "most": round(max(row.cpu_us), 1),
                "p50_us": round(wall[name], 1),
            }
            for name, row in rows.items()
        ],
    }


def _power(size: int) -> str:
    """1e5 for 100000."""
    return f"{size:.0e}".replace("e+0", "e")
