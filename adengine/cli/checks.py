"""`doctor`, `audit` and `db upgrade`: is it safe, is it right, is it current."""

from __future__ import annotations

import sys

import click
from rich.console import Console

from adengine import settings
from adengine.errors import Unsafe

WRONG = 1


@click.command()
def doctor() -> None:
    """Check settings and stores; exit 1 if anything would lose or falsify counts."""
    from adengine.cli.opened import stores
    from adengine.serve.boot import patient_of
    from adengine.store import doctor as examiner

    with stores(settings.load()) as opened:
        findings = examiner.examine(patient_of(opened.settings, opened.store, opened.engine))
    for finding in findings:
        _verdict(finding.name, finding.sentence, holds=finding.ok)
    are_right = _traffic_rules()
    sys.exit(0 if are_right and all(finding.ok for finding in findings) else WRONG)


def _traffic_rules() -> bool:
    from adengine.counting.traffic import load as traffic

    try:
        rules = traffic.load(settings.load().traffic_rules)
    except Unsafe as error:
        _verdict("traffic", error.detail, holds=False)
        return False
    _verdict("traffic", f"rules of invalid traffic, version {rules.version} ({rules.bot_list})", holds=True)
    return True


@click.command()
def audit() -> None:
    """Check that every count reconciles; exit 1 if one does not. May run beside a living engine."""
    from adengine.cli.opened import stores
    from adengine.counting import audit as auditor

    with stores(settings.load()) as opened:
        findings = auditor.run(opened.engine, opened.store)
    for finding in findings:
        figures = ", ".join(f"{name} {value}" for name, value in finding.figures.items())
        _verdict(finding.name, f"{finding.claim} ({figures})", holds=finding.holds)
    sys.exit(0 if all(finding.holds for finding in findings) else WRONG)


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
def upgrade() -> None:
    """Bring the database to this version's schema; harmless when it is there already."""
    from adengine.store import schema, sql

    live = settings.load()
    live.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = sql.engine(live.database, create=True)
    schema.upgrade(engine)
    engine.dispose()
    click.echo(f"the database's schema is {schema.HEAD}")


def _verdict(name: str, sentence: str, *, holds: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print("ok   " if holds else "BAD  ", style="green" if holds else "bold red", end="")
    console.print(f"{name}: {sentence}", markup=False)


COMMANDS = (doctor, audit, db)
