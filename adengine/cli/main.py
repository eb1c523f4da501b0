"""The commands, and what becomes of their failures."""

from __future__ import annotations

import os
import sys

import click
from rich.console import Console

from adengine.cli import bench, checks, creatives, decisions, events, keys, serving, simulate
from adengine.errors import AdengineError, Invalid
from adengine.settings import SettingsInvalid

REFUSED = 1
MISUSED = 2
PARTS = (serving, checks, events, keys, creatives, bench, simulate, decisions)
OURS_ALONE = 0o077
"""Whatever a command writes (stores, keys, secrets) is for its owner."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=[command for module in PARTS for command in module.COMMANDS],
)
def commands() -> None:
    """Sponsor lines for the slots of a page: chosen, capped, counted."""


def main() -> None:
    """Runs a command; what it refuses is said on standard error, a sentence and not a trace."""
    os.umask(OURS_ALONE)
    try:
        commands()
    except SettingsInvalid as error:
        _say(str(error))
        sys.exit(MISUSED)
    except Invalid as error:
        _say("\n".join(f"{mistake.pointer} {mistake.detail}" for mistake in error.mistakes))
        sys.exit(REFUSED)
    except AdengineError as error:
        _say(error.detail)
        sys.exit(REFUSED)


def _say(sentence: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"adengine: {sentence}", style="red", markup=False)
