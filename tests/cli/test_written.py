"""What a command is to write at its end is refused at its beginning, if it could not be written."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from adengine.cli.bench import bench
from adengine.cli.simulate import simulate


@pytest.mark.parametrize(
    ("command", "options"),
    [(simulate, ["--json"]), (simulate, ["--html"]), (bench, ["--quick", "--json"])],
)
def test_a_file_in_no_directory_is_refused_before_the_work(
    command: click.Command, options: list[str], tmp_path: Path
) -> None:
    ran = CliRunner().invoke(command, [*options, str(tmp_path / "none" / "figures")])
    assert ran.exit_code == 2 and "There is no directory" in ran.output.replace("\n", " ")
    assert CliRunner().invoke(command, [*options, str(tmp_path)]).exit_code == 2
