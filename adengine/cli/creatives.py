"""`import`: creatives from a file, as `POST /v1/creatives:import` takes them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from adengine import settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from adengine.catalog.creatives.imports import Row
    from adengine.catalog.creatives.verdicts import Verdict
    from adengine.catalog.known import Known

WRONG = 1
MEDIA_TYPES = {".json": "application/json", ".ndjson": "application/x-ndjson", ".csv": "text/csv"}


@click.command("import")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Judge every row, store none.")
@click.option("--atomic", is_flag=True, help="Store all rows or none.")
def import_(path: Path, dry_run: bool, atomic: bool) -> None:
    """Import creatives from FILE.json, FILE.ndjson or FILE.csv as drafts; exit 1 if a row is rejected."""
    from adengine.catalog.creatives.imports import rows_in
    from adengine.catalog.creatives.verdicts import report
    from adengine.cli.opened import database, shipped

    if path.suffix not in MEDIA_TYPES:
        raise click.UsageError(f"{path.name}: the name must end in {', '.join(MEDIA_TYPES)}")
    live = settings.load()
    console = Console(stderr=True, highlight=False)
    with database(live) as engine, console.status(f"reading {path.name}") as status:
        rows = rows_in(path.read_bytes(), MEDIA_TYPES[path.suffix])
        status.update(f"judging {len(rows)} rows")
        verdicts = _judged(engine, rows, shipped(live), atomic=atomic)
        if not dry_run:
            status.update("storing the accepted ones")
            verdicts = _stored(engine, verdicts, atomic=atomic)
    document = report(verdicts, dry_run=dry_run, atomic=atomic)
    _print(document)
    sys.exit(WRONG if document["rejected"] else 0)


def _judged(engine: Engine, rows: Sequence[Row], known: Known, *, atomic: bool) -> list[Verdict]:
    """Outside of any transaction that others would wait for."""
    from adengine.catalog import sql
    from adengine.catalog.collections import BY_NOUN
    from adengine.catalog.creatives.verdicts import all_or_nothing, judged
    from adengine.catalog.keys.sql import OPERATOR
    from adengine.store.sql import reading

    with reading(engine) as connection:
        known = sql.known(connection, [row.document for row in rows], BY_NOUN["creative"], OPERATOR, known)
    verdicts = judged(rows, known)
    return all_or_nothing(verdicts) if atomic else verdicts


def _stored(engine: Engine, verdicts: Sequence[Verdict], *, atomic: bool) -> list[Verdict]:
    """With the ids of what was stored; campaigns are looked at again, now that nobody else edits."""
    from adengine.catalog import sql
    from adengine.catalog.creatives.sql import add_all
    from adengine.catalog.creatives.verdicts import all_or_nothing, without
    from adengine.catalog.keys.sql import OPERATOR
    from adengine.store.sql import writing

    with writing(engine) as connection:
        sql.begin_edit(connection)
        wanted = {verdict.values["campaign"] for verdict in verdicts if verdict.values is not None}
        verdicts = without(verdicts, sql.usable(connection, "campaign", sorted(wanted), OPERATOR))
        verdicts = all_or_nothing(verdicts) if atomic else verdicts
        accepted = [verdict.values for verdict in verdicts if verdict.values is not None]
        made = iter(add_all(connection, accepted, int(time.time())))
        return [verdict if verdict.values is None else replace(verdict, id=next(made)) for verdict in verdicts]


def _print(document: dict[str, Any]) -> None:
    for verdict in document["results"]:
        for mistake in verdict["errors"]:
            click.echo(f"line {verdict['line']}: {mistake['pointer']} {mistake['detail']}")
    stored = "nothing was stored" if document["dry_run"] else f"{document['accepted']} drafts stored"
    click.echo(f"{document['rows']} rows: {document['accepted']} accepted, {document['rejected']} rejected; {stored}")


COMMANDS = (import_,)
