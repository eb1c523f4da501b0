"""The expanded gazetteer: made once by however many processes start, shared by all, never half or wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adengine.errors import Unsafe
from adengine.places import Gazetteer
from adengine.places.load import load
from tests.places.probe import CASES

ROOT = Path(__file__).resolve().parents[2]
SHARED_BYTES_MAX = 60_000_000
PRIVATE_BYTES_MAX = 12_000_000
PROCESSES = 4
fresh = load.__wrapped__  # as a new process would: without the process's own memory of the last call


def probes(cache_dir: Path, count: int) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.places.probe", str(cache_dir)]
    return [
        subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(count)
    ]


def said(probe: subprocess.Popen[str]) -> dict[str, Any]:
    assert probe.stdout is not None
    words: dict[str, Any] = json.loads(probe.stdout.readline())
    return words


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Path]:
    """(answers, memory, directory) of processes that started together on an empty directory.

    The first is measured while all of them still run.
    """
    cache_dir = tmp_path_factory.mktemp("places")
    running = probes(cache_dir, PROCESSES)
    answers = [said(probe) for probe in running]
    memory = []
    for probe in running:
        assert probe.stdin is not None
        probe.stdin.write("\n")
        probe.stdin.flush()
        memory.append(said(probe))
    for probe in running:
        probe.communicate()
        assert probe.returncode == 0
    return answers, memory, cache_dir


def test_of_processes_that_start_together_one_expands_and_all_agree(measured: Any) -> None:
    answers, _, cache_dir = measured
    assert len({answer["inode"] for answer in answers}) == 1
    assert [answer["answers"] for answer in answers] == [[case["status"] for case in CASES]] * PROCESSES
    assert sorted(path.suffix for path in cache_dir.iterdir()) == [".image", ".lock"]


def test_the_workers_share_the_gazetteers_memory(measured: Any) -> None:
    _, memory, _ = measured
    assert 0 < memory[0]["rss"] <= SHARED_BYTES_MAX
    assert memory[0]["pss"] < memory[0]["rss"] / (PROCESSES - 1)
    assert all(figures["private_dirty"] == 0 for figures in memory)


def test_a_worker_has_little_of_its_own(measured: Any) -> None:
    _, memory, _ = measured
    assert max(figures["private"] for figures in memory) <= PRIVATE_BYTES_MAX


def image_in(cache_dir: Path) -> Path:
    (image,) = cache_dir.glob("places-*.image")
    return image


def answers(gazetteer: Gazetteer) -> bool:
    found = gazetteer.resolve("Remer,MN").place
    return found is not None and found.path[-1] == "Remer"


@pytest.fixture
def expanded(measured: Any, tmp_path: Path) -> Path:
    """A directory of its own with a good image."""
    image = image_in(measured[2])
    (tmp_path / image.name).write_bytes(image.read_bytes())
    return tmp_path


def test_a_good_image_is_taken_as_it_is(expanded: Path) -> None:
    inode = image_in(expanded).stat().st_ino
    assert answers(fresh(expanded)) and image_in(expanded).stat().st_ino == inode


@pytest.mark.parametrize("damage", ["empty", "short", "changed"])
def test_a_damaged_image_is_made_anew(expanded: Path, damage: str) -> None:
    image = image_in(expanded)
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 1
    image.write_bytes({"empty": b"", "short": bytes(content[:5000]), "changed": bytes(content)}[damage])
    assert answers(fresh(expanded))
    assert image_in(expanded).stat().st_size > 30_000_000


def test_another_releases_image_goes_when_a_new_one_is_made(tmp_path: Path) -> None:
    (tmp_path / "places-0-0123456789abcdef.image").write_bytes(b"former")
    (tmp_path / "places-0-0123456789abcdef.new").write_bytes(b"of a process that was killed")
    assert answers(fresh(tmp_path)) and image_in(tmp_path).stat().st_size > 30_000_000


def test_a_place_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unsafe, match=r"cannot keep places in .*file.*make it writable"):
        fresh(tmp_path / "file")


def test_a_process_reads_the_gazetteer_once(cache_dir: Path, gazetteer: Gazetteer) -> None:
    assert load(cache_dir) is gazetteer
