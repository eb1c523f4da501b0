"""`bench`: what the hot paths cost on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

SIZES = (1_000, 10_000, 100_000)
"""Creatives by default."""


@click.command()
@click.option("--rounds", default=8, show_default=True, type=click.IntRange(2, 1000), help="Interleaved rounds.")
@click.option("--calls", default=400, show_default=True, type=click.IntRange(10, 100_000), help="Calls in a round.")
@click.option(
    "--creatives",
    "sizes",
    multiple=True,
    default=SIZES,
    show_default=True,
    type=click.IntRange(100, 1_000_000),
    help="How many live creatives fills choose from; again for each further size.",
)
@click.option("--quick", is_flag=True, help="Only the smallest size, in few rounds: to see that all works.")
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here too.")
def bench(rounds: int, calls: int, sizes: tuple[int, ...], quick: bool, path: Path | None) -> None:
    """Measure fills, beacons and place look-ups against two limits, interleaved, as ratios.

    LIMIT-STOCK is an ordinary Flask app with one call to the store, LIMIT-FAST nearly the least that Python can do.
    """
    from adengine.bench.run import run

    if quick:
        sizes, rounds, calls = (min(sizes),), 2, 100
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting")
        document = run(
            rounds,
            calls,
            sorted(set(sizes)),
            lambda what, done, of: progress.update(task, description=what, completed=done, total=of),
        )
    _print(document)
    if path is not None:
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _print(document: dict[str, Any]) -> None:
    heads = ("what", "CPU µs a call, median", "least", "most", "p50 µs, with the store")
    table = Table(*heads, caption=document["machine"])
    for row in document["rows"]:
        table.add_row(row["name"], *(str(row[name]) for name in ("us", "least", "most", "p50_us")))
    console = Console()
    console.print(table)
    for name, figure in (document["ratios"] | document["catalogue"]).items():
        console.print(f"{name}: {figure}")
    console.print(f"noise (the same twice): {document['noise']:+.1%}")


COMMANDS = (bench,)
