"""`events`: what could not be read of what happened."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from adengine import settings
from adengine.counting.ledger import DeadLetter
from adengine.web import instants

BYTES_SHOWN = 24


@click.group()
def events() -> None:
    """Events that could not be read (dead letters): look at them, count them once this version can read them."""


@events.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many, oldest first.")
def list_(limit: int) -> None:
    """List the dead letters, oldest first: where they stood, what is wrong with them, how they begin."""
    from adengine.cli.opened import database
    from adengine.counting.ledger import Ledger

    wanted = settings.load()
    with database(wanted) as engine:
        letters = Ledger(engine, wanted.timezone).letters()
    _show(letters[:limit])
    _say(f"{len(letters)} dead letters" if len(letters) != 1 else "1 dead letter")


@events.command()
def retry() -> None:
    """Count every dead letter that can be read by now; the others stay. May run beside a living engine."""
    from adengine.cli.opened import database
    from adengine.counting import letters
    from adengine.counting.ledger import Ledger

    wanted = settings.load()
    with database(wanted) as engine:
        ledger = Ledger(engine, wanted.timezone, keeps_events=wanted.events_keep_days > 0)
        tried = letters.retry(ledger, int(time.time()))
    _show(tried.unread)
    _say(f"{tried.read} read, {tried.counted} of their events counted, {len(tried.unread)} still cannot be read")


def _show(letters: Sequence[DeadLetter]) -> None:
    if not letters:
        return
    table = Table("stream", "entry", "at", "what is wrong", "begins with")
    for letter in letters:
        at = instants.spelled(letter.ms // 1000)
        begin = letter.event[:BYTES_SHOWN].hex(" ")
        table.add_row(str(letter.bucket), f"{letter.ms}-{letter.seq}", at, letter.problem, begin)
    Console().print(table, markup=False)


def _say(sentence: str) -> None:
    Console(highlight=False).print(sentence)


COMMANDS = (events,)
