"""Every command that the documents show is run here, against a real engine, in the reader's order."""

import csv
import io
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.live.engine import ROOT, Engine

pytestmark = pytest.mark.alone

QUICKSTART = ROOT / "docs/quickstart.md"

# The two commands of the README set everything up by themselves: CI runs the second one, `test_fresh_clone` the first.
RUN_ELSEWHERE = {"make run", "make test", "make check", "make bench", "make proof"}


def blocks(document: Path) -> list[str]:
    """The `sh` blocks of a document, without the lines that are run elsewhere."""
    found = re.findall(r"^```sh\n(.*?)^```$", document.read_text("utf-8"), re.M | re.S)
    return [
        "\n".join(line for line in block.splitlines() if line.split("#")[0].strip() not in RUN_ELSEWHERE)
        for block in found
    ]


def documents() -> list[Path]:
    everywhere = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in everywhere if path != QUICKSTART and any(block.strip() for block in blocks(path))]


def run(engine: Engine, script: str) -> subprocess.CompletedProcess[str]:
    """The script in bash, stopped by its first failing command, in the engine's folder with the repository's Python."""
    python = ROOT / ".venv" / "bin"
    prelude = f"set -euo pipefail\nexport PATH={shlex.quote(str(python))}:$PATH\n"
    script = prelude + script.replace("127.0.0.1:8000", f"127.0.0.1:{engine.port}").replace(".venv/bin/", "")
    return subprocess.run(
        ["bash", "-c", script], cwd=engine.folder, env=engine.environ, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_document_runs(demo: Engine, document: Path) -> None:
    done = run(demo, "\n".join(blocks(document)))
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def test_the_quick_start_ends_with_the_counts_it_promises(demo: Engine) -> None:
    done = run(demo, "\n".join(blocks(QUICKSTART)))
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "click: 302 to https://northwoods-bait.example/opener" in done.stdout
    fill = json.loads(done.stdout[done.stdout.index('{\n    "request_id"') : done.stdout.index("click: 302")])
    assert fill["degraded"] is None
    assert fill["fills"][0]["text"] == "Northwoods Bait: minnows and leeches, open at 5 a.m."
    report = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index('{\n    "rows"') :])[0]
    counted = report["totals"]
    assert (counted["requests"], counted["impressions"], counted["viewable"], counted["clicks"]) == (1, 1, 1, 1)
    assert counted["gross"] == counted["impressions"] + counted["invalid"] and counted["invalid"] == 1
    assert counted["spend_micros"] == 12000
    table = list(csv.DictReader(io.StringIO(done.stdout[done.stdout.index("day,") : done.stdout.index("flight: ")])))
    assert [(row["impressions"], row["clicks"]) for row in table] == [("1", "1")]
