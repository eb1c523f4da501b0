"""`keys`: API keys from the shell, such as the very first one."""

from __future__ import annotations

import time

import click
from rich.console import Console
from rich.table import Table

from adengine import settings

LISTED_MAX = 10_000


@click.group()
def keys() -> None:
    """API keys: create, list, revoke."""


@keys.command()
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, help="fill, manage, advertise, review, report or admin."
)
@click.option("--site", metavar="ID", help="The only site it may ask fills for.")
@click.option("--advertiser", metavar="ID", help="Whose it is; with scope advertise.")
def create(name: str, scopes: tuple[str, ...], site: str | None, advertiser: str | None) -> None:
    """Make a key and print it: this once, for only its digest is kept."""
    from adengine.catalog.keys import sql
    from adengine.cli.opened import database, shipped

    live = settings.load()
    document = {"name": name, "scopes": list(scopes), "site": site, "advertiser": advertiser}
    with database(live) as engine:
        made = sql.create(engine, document, shipped(live), int(time.time()))
    click.echo(f"{made.id}, shown this once:", err=True)
    click.echo(made.key)


@keys.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Refuse a key from now on (living workers: within seconds). ID as `keys list` shows it."""
    from adengine.catalog.keys import sql
    from adengine.cli.opened import database

    with database(settings.load()) as engine:
        sql.revoke(engine, key_id, int(time.time()))
    click.echo(f"{key_id} is revoked")


@keys.command("list")
def list_() -> None:
    """Show the living keys by their first letters."""
    from adengine.catalog import ids, sql
    from adengine.catalog.collections import BY_NOUN
    from adengine.catalog.keys.sql import OPERATOR
    from adengine.cli.opened import database
    from adengine.store.sql import reading

    with database(settings.load()) as engine, reading(engine) as connection:
        rows = sql.page(connection, BY_NOUN["key"], OPERATOR, after=0, count=LISTED_MAX)
    table = Table("id", "begins with", "scopes", "site", "advertiser", "name", box=None)
    for row in rows:
        bound = [ids.public(noun, row[noun]) if row[noun] else "any" for noun in ("site", "advertiser")]
        table.add_row(ids.public("key", row["id"]), row["prefix"], " ".join(row["scopes"]), *bound, row["name"])
    Console(soft_wrap=True).print(table)


COMMANDS = (keys,)
