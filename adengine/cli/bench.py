"""`bench`: what the hot paths cost on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import Progress
from rich.table import Table


@click.command()
@click.option("--rounds", default=8, show_default=True, type=click.IntRange(2, 1000), help="Interleaved rounds.")
@click.option("--calls", default=400, show_default=True, type=click.IntRange(10, 100_000), help="Calls in a round.")
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here too.")
def bench(rounds: int, calls: int, path: Path | None) -> None:
    """Measure fills, beacons and place look-ups against an ordinary Flask app, interleaved, as ratios."""
    from adengine.bench.run import run

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=rounds)
        document = run(rounds, calls, lambda done: progress.update(task, completed=done))
    _print(document)
    if path is not None:
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _print(document: dict[str, Any]) -> None:
    table = Table("what", "CPU µs a call, median", "least", "most", caption=document["machine"])
    for row in document["rows"]:
        table.add_row(row["name"], str(row["us"]), str(row["least"]), str(row["most"]))
    console = Console()
    console.print(table)
    for name, ratio in document["ratios"].items():
        console.print(f"{name}: {ratio}")
    console.print(f"noise (the same twice): {document['noise']:+.1%}")


COMMANDS = (bench,)
