"""`serve` and `demo`, and the processes that they start."""

from __future__ import annotations

import os
import time
from typing import Any

import click
from rich.console import Console

from adengine import settings
from adengine.settings import Settings

LOG_LEVEL = "ADENGINE_LOG_LEVEL"
BIND = click.option("--bind", metavar="HOST:PORT", help="Address and port to serve on (ADENGINE_BIND).")
UNSAFE = click.option(
    "--allow-unsafe-store", is_flag=True, default=None, help="Start on a store without append-only file."
)
FIRST_FILL = """\
  curl -s {url}/v1/fill -H 'Authorization: Bearer {fill}' -H 'Content-Type: application/json' -d '{{
    "page": {{"url": "https://demo.example/fantasy", "topics": ["fantasy-sports"]}},
    "reader": {{"key": "reader-1", "place": "Remer,MN", "consent": true}},
    "slots": [{{"slot": "article-header", "max_width_px": 800, "font_px": 16}}]}}'
"""


@click.command()
@BIND
@UNSAFE
def serve(**given: Any) -> None:
    """Boot safely, then keep the store, the web and the consumer alive until SIGTERM."""
    from adengine.serve.run import serve as run
    from adengine.web import logs

    wanted = settings.load(**given)
    logs.configure(wanted.log_level)
    run(wanted)


@click.command()
@BIND
def demo(**given: Any) -> None:
    """Seed the QWIKET demo and serve it; again is harmless. Logs warnings only, unless told otherwise."""
    from adengine.serve.run import serve as run
    from adengine.web import logs

    if LOG_LEVEL not in os.environ:
        given["log_level"] = "warning"  # the terminal is for the demo's keys, not for its requests
    wanted = settings.load(**given)
    logs.configure(wanted.log_level)
    _progress(f"starting in {wanted.data_dir}")
    keys: dict[str, str] = {}
    run(
        wanted,
        prepare=lambda live: keys.update(_seeded(live)),
        once_ready=lambda live: _greet(live, keys or _seeded(live)),
    )
    _progress("stopped")


@click.command(hidden=True)
def web() -> None:
    """The web workers; `serve` runs this."""
    from adengine.serve.web import run
    from adengine.web import logs

    wanted = settings.load()
    logs.configure(wanted.log_level)
    run(wanted)


@click.command("compile")
def compile_() -> None:
    """Compile the catalogue for all workers of this machine until SIGTERM; `serve` runs this."""
    from adengine.catalog.press import run
    from adengine.store import sql
    from adengine.web import logs
    from adengine.wiring import shelf_of

    wanted = settings.load()
    logs.configure(wanted.log_level)
    run(sql.engine(wanted.database), shelf_of(wanted))


@click.command()
def consume() -> None:
    """Turn events into rollups until SIGTERM; `serve` runs this, beside another WSGI server run it yourself."""
    from adengine.counting.consume import run
    from adengine.web import logs

    wanted = settings.load()
    logs.configure(wanted.log_level)
    run(wanted)


@click.command()
def pace() -> None:
    """Keep goals on their schedules until SIGTERM; `serve` runs this. Of several, one leads and the others stand by."""
    from adengine.pacing.lead import run
    from adengine.web import logs

    wanted = settings.load()
    logs.configure(wanted.log_level)
    run(wanted)


def _seeded(live: Settings) -> dict[str, str]:
    """The demo's keys by scope, its catalogue written if it was not."""
    from adengine import demo as seeds
    from adengine.cli.opened import database, shipped

    _progress("stores are safe; unpacking the gazetteer and writing the demo")
    with database(live) as engine:
        keys = seeds.seed(engine, live.data_dir, shipped(live), int(time.time()))
    _progress("starting the web and the consumer")
    return keys


def _greet(live: Settings, keys: dict[str, str]) -> None:
    """Printed whole and unwrapped, so that the lines can be copied."""
    width = max(map(len, keys))
    shown = "\n".join(f"  {scope:<{width}}  {key}" for scope, key in keys.items())
    click.echo(
        f"\nadengine serves the QWIKET demo: {live.base_url}/demo  ·  API: {live.base_url}/docs\n\n"
        f"Keys, also in {live.data_dir / 'demo-keys.json'}:\n{shown}\n\n"
        f"A first fill:\n{FIRST_FILL.format(url=live.base_url, fill=keys['fill'])}"
    )


def _progress(sentence: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"adengine demo: {sentence}", markup=False)


COMMANDS = (serve, demo, web, compile_, consume, pace)
