"""`bench`: what the hot paths cost on this machine."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adengine.cli.written import Written

SIZES = (1_000, 1_000_000)
"""Creatives by default."""
QUICK_SIZES = (1_000, 10_000)
GROWTH = (1_000, 10_000, 100_000, 1_000_000)
IN_PROCESS_SIZES = (1_000, 10_000, 100_000)
ROUNDS, IN_PROCESS_ROUNDS, QUICK_ROUNDS = 4, 8, 2
QUICK_CALLS, QUICK_S = 100, 1.0
COLUMNS = {
    "cpu_us": "CPU µs a request",
    "us": "CPU µs a call",
    "least": "least",
    "most": "most",
    "per_s": "requests/s",
    "p50_us": "p50 µs",
    "p50_c1_us": "p50 µs, alone",
    "store_us": "store µs",
}
"""Of the table, by figure."""


@click.command()
@click.option("--in-process", is_flag=True, help="Call the apps instead of serving them: for profiling.")
@click.option("--rounds", type=click.IntRange(2, 1000), help="Interleaved rounds; 4, in process 8, if not given.")
@click.option(
    "--seconds", default=2.0, show_default=True, type=click.FloatRange(1, 600), help="Of a round, for each subject."
)
@click.option(
    "--calls", default=400, show_default=True, type=click.IntRange(10, 100_000), help="In process: calls in a round."
)
@click.option(
    "--creatives",
    "sizes",
    multiple=True,
    type=click.IntRange(100, 1_000_000),
    help="How many live creatives fills choose from, again for each further size; 1000 and 1000000 if not given.",
)
@click.option("--growth", is_flag=True, help="1000, 10000, 100000 and 1000000 creatives.")
@click.option("--quick", is_flag=True, help="Few creatives and few rounds: to see that all works.")
@click.option("--json", "path", type=Written(), help="Write the figures here too.")
def bench(
    in_process: bool,
    rounds: int | None,
    seconds: float,
    calls: int,
    sizes: tuple[int, ...],
    growth: bool,
    quick: bool,
    path: Path | None,
) -> None:
    """Measure fills and beacons against two limits, interleaved, as ratios.

    LIMIT-STOCK is an ordinary Flask app with one call to the store, LIMIT-FAST nearly the least that Python can do. All
    are served alike, one worker each, and asked by wrk. At a million creatives this takes about ten minutes.
    """
    from adengine.bench import run as in_one
    from adengine.bench.served import run as served

    if growth:
        sizes = GROWTH
    if in_process:
        sizes = sizes or IN_PROCESS_SIZES
        if quick:
            sizes, rounds, calls = (min(sizes),), QUICK_ROUNDS, QUICK_CALLS
        run = partial(in_one.run, rounds or IN_PROCESS_ROUNDS, calls)
    else:
        sizes = sizes or (QUICK_SIZES if quick else SIZES)
        rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
        run = partial(served.run, rounds, QUICK_S if quick else seconds)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        document = run(
            sorted(set(sizes)),
            lambda what, done, of: progress.update(task, description=what, completed=done, total=of or None),
        )
    _print(document)
    if path is not None:
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _print(document: dict[str, Any]) -> None:
    console = Console()
    measured = [row for row in document["rows"] if "least" in row]
    shown = [name for name in COLUMNS if any(name in row for row in measured)]
    table = Table("what", *(COLUMNS[name] for name in shown), caption=document["machine"])
    for row in measured:
        table.add_row(row["name"], *(_told(row.get(name)) for name in shown))
    console.print(table)
    figures = {name: figure for name, figure in document.items() if isinstance(figure, float) and name != "noise"}
    for name, figure in (document["ratios"] | document.get("catalogue", figures)).items():
        console.print(f"{name}: {figure}")
    for row in document["rows"]:
        if "least" not in row:
            console.print(", ".join(f"{name}: {figure}" for name, figure in row.items()))
    console.print(f"noise (the same twice): {document['noise']:+.1%}")


def _told(figure: float | None) -> str:
    return "" if figure is None else str(figure)


COMMANDS = (bench,)
