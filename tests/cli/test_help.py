"""Every command explains itself, and the operator's manual names every command and setting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from adengine.cli.main import commands

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "operating.md"


def every(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        yield (*above, name), command
        if isinstance(command, click.Group):
            yield from every(command, *above, name)


@pytest.mark.parametrize("words", [words for words, _ in every(commands)], ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    helped = CliRunner().invoke(commands, [*words, "--help"])
    assert helped.exit_code == 0
    said = [line.strip() for line in helped.output.splitlines()]
    assert said[0].startswith("Usage:")
    assert len(said[2]) > 20


@pytest.mark.parametrize(
    "words",
    [words for words, command in every(commands) if not isinstance(command, click.Group) and not command.hidden],
    ids=" ".join,
)
def test_every_command_is_in_the_manual(words: tuple[str, ...]) -> None:
    manual = MANUAL.read_text("utf-8")
    assert f"`{' '.join(words)}`" in manual or f"python -m adengine {' '.join(words)}`" in manual


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(commands, ["frobnicate"]).exit_code == 2
