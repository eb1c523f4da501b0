"""`simulate`: days of pages in minutes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adengine import settings
from adengine.cli.written import Written


@click.command()
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed, the same figures.")
@click.option("--days", default=3, show_default=True, type=click.IntRange(1, 90), help="Of the world.")
@click.option("--pages", default=5000, show_default=True, type=click.IntRange(1, 10**7), help="A day, two slots each.")
@click.option("--flights", default=40, show_default=True, type=click.IntRange(1, 1000), help="With a goal.")
@click.option(
    "--sold", default=0.85, show_default=True, type=click.FloatRange(0.01, 5), help="Of all lines that are seen."
)
@click.option(
    "--requests", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead of a world: a log of real requests, answered by the catalogue of the settings.",
)  # fmt: skip
@click.option("--step", default=120, show_default=True, type=click.IntRange(1, 900), help="Seconds between countings.")
@click.option("--known-clicks", is_flag=True, help="The pacer knows the world's click rates and need not learn them.")
@click.option("--json", "json_path", type=Written(), help="Write the figures here.")
@click.option("--html", "html_path", type=Written(), help="Write a page of plots here.")
def simulate(
    seed: int, days: int, pages: int, flights: int, sold: float, requests: Path | None, step: int,
    known_clicks: bool, json_path: Path | None, html_path: Path | None,
) -> None:  # fmt: skip
    """Run days of pages through the engine's own code, on stores of its own, and tell what was delivered.

    A log of requests has a JSON object a line: {"at": "2026-01-31T12:00:00Z", "request": {the body of POST /v1/fill}}.
    """
    from adengine.simulate.plots import page
    from adengine.web import logs

    logs.configure("error")
    began = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("simulating", total=1.0)
        document = _simulated(
            seed,
            days,
            pages,
            flights,
            sold,
            requests,
            step,
            known_clicks,
            lambda part: shown.update(task, completed=part),
        )
    _print(document, time.monotonic() - began)
    if json_path is not None:
        json_path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    if html_path is not None:
        html_path.write_text(page(document), "utf-8")


def _simulated(
    seed: int, days: int, pages: int, flights: int, sold: float, requests: Path | None, step: int,
    known_clicks: bool, progress: Callable[[float], None],
) -> dict[str, Any]:  # fmt: skip
    from adengine.cli.opened import database, shipped
    from adengine.simulate import stage
    from adengine.simulate.requests import read_log
    from adengine.simulate.world import World

    wanted = settings.load()
    if requests is None:
        world = World(seed=seed, days=days, pages_a_day=pages)
        return stage.of_world(world, flights, sold, shipped(wanted), step, progress, known_clicks=known_clicks)
    with requests.open("rb") as lines, database(wanted) as catalogue:
        log = read_log(lines)
        return stage.of_requests(catalogue, log, seed, shipped(wanted), wanted.timezone, step, progress)


def _print(document: dict[str, Any], took_s: float) -> None:
    console = Console()
    goals = Table("goals", "flights", "delivered ≥ 99 %", "promised", "shortfall", "over")
    rows = [("all", document["goals"])]
    rows += [(f"priority {priority}", row) for priority, row in document["by_priority"].items()]
    for name, row in rows:
        goals.add_row(
            name, str(row["flights"]), str(row["delivered_99"]), str(row["promised"]),
            f"{100 * row['shortfall']:.3f} %", str(row["over"]),
        )  # fmt: skip
    console.print(goals)
    flights = Table("flight", "tier", "priority", "goal", "delivered", "state", "CTR")
    for flight in document["flights"]:
        flights.add_row(
            flight["name"], flight["tier"], str(flight["priority"]), str(flight["goal"] or ""),
            str(flight["delivered"]), flight["state"], f"{100 * flight['ctr']:.2f} %" if flight["ctr"] else "",
        )  # fmt: skip
    console.print(flights)
    failed = [name for name, holds in document["audit"].items() if not holds]
    console.print(
        f"{document['pages']} pages, {document['slots']} slots, {document['sponsored']:.1%} with a sponsor; "
        f"caps broken: {document['caps_broken']}; counts {'agree' if document['counts_agree'] else 'DIFFER'}; "
        f"audit: {', '.join(failed) or 'everything reconciles'}; {took_s:.0f} s",
        highlight=False,
    )


COMMANDS = (simulate,)
