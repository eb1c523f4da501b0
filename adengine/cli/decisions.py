"""`replay` and `keep`: the decision log."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from adengine import settings
from adengine.catalog.snapshot import Snapshot
from adengine.counting.tokens import TokenMinter
from adengine.decisions.log import FOLDER
from adengine.errors import NotFound, Unsafe
from adengine.places import Gazetteer
from adengine.settings import Settings
from adengine.topics import Taxonomy
from adengine.web import instants


@click.command()
@click.argument("request_id", required=False)
@click.option("--list", "count", type=click.IntRange(1, 10_000), help="The last COUNT decisions in the log instead.")
def replay(request_id: str | None, count: int | None) -> None:
    """Decide the logged page REQUEST_ID again, and compare byte for byte.

    Prints the answer; leaves with 1 if it differs from the logged one, or if the page was not logged.
    """
    from adengine.serve.boot import with_secret

    wanted = with_secret(settings.load())
    if count is not None:
        _list(wanted, count)
    elif request_id is None:
        raise click.UsageError("give a request id, or --list COUNT")
    else:
        _replay(wanted, request_id)


@click.command()
def keep() -> None:
    """Drain the spool, audit the counts, turn the decision log over, until SIGTERM; `serve` runs this."""
    from adengine.serve.keep import run
    from adengine.web import logs

    wanted = settings.load()
    logs.configure(wanted.log_level)
    run(wanted)


def _list(wanted: Settings, count: int) -> None:
    from adengine.decisions import segments

    table = Table("request", "at")
    for request_id, at_s in segments.logged(wanted.data_dir / FOLDER, count):
        table.add_row(request_id, instants.spelled(at_s))
    Console().print(table)


def _replay(wanted: Settings, request_id: str) -> None:
    from adengine.decisions import segments
    from adengine.decisions.replay import replayed
    from adengine.decisions.transcript import Differs

    record = segments.find(wanted.data_dir / FOLDER, request_id)
    if record is None:
        part = f"{wanted.decision_sample:.0%} of the pages are (ADENGINE_DECISION_SAMPLE)"
        raise NotFound(f"{request_id} is not in the decision log; {part}")
    try:
        body = replayed(record, _snapshot(wanted, record["snapshot"], record["compiled_at_s"]), *_parts(wanted))
    except Differs as error:
        raise click.ClickException(f"{request_id} takes another way now: {error}") from error
    click.echo(body.decode("utf-8", "replace"))
    if body != record["body"].encode("utf-8", "surrogatepass"):
        raise click.ClickException(
            f"{request_id} differs from what was logged by engine {record['engine']}: {record['body']}"
        )
    Console(stderr=True, highlight=False).print("identical to what was answered then", style="green")


def _snapshot(wanted: Settings, version: int, compiled_at_s: int) -> Snapshot:
    from adengine.catalog.mapped import snapshot_in
    from adengine.catalog.shelf import KEPT_MAX
    from adengine.wiring import shelf_of

    shelf = shelf_of(wanted)
    path = shelf.path(version)
    if not path.exists():
        raise Unsafe(f"catalogue {version} is not kept any more; the last {KEPT_MAX} are, or fewer large ones")
    pressed = shelf.open(path.name)
    return snapshot_in(pressed.version, pressed.told, pressed.arrays, pressed.texts, compiled_at_s)


def _parts(wanted: Settings) -> tuple[TokenMinter, Gazetteer, Taxonomy]:
    from adengine import places, topics
    from adengine.counting.keyring import key_ring
    from adengine.wiring import TOKENS

    minter = TokenMinter(key_ring(TOKENS, wanted.secret_key))
    return minter, places.load(wanted.data_dir), topics.load()


COMMANDS = (replay, keep)
