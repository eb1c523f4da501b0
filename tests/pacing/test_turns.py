"""A promised share is kept within one page of any hundred, by all workers of a machine together."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adengine.pacing.turns import CREDIT_MAX, Turns

SHARES = [0.01, 0.1, 1 / 3, 0.5, 0.77, 0.99, 1.0]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("share", SHARES)
def test_of_any_hundred_pages_a_lone_sponsor_has_his_share_within_one(
    tmp_path: Path, share: float, workers: int
) -> None:
    """Whichever worker each page comes to: four of their own would be up to four pages off."""
    chance, turns = random.Random(1), [Turns(tmp_path / "turns") for _ in range(workers)]
    shown = [chance.choice(turns).take(1, share) is not None for _ in range(2000)]
    assert all(abs(sum(shown[at : at + 100]) - 100 * share) <= 1 + 1e-6 for at in range(1901))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.34, 0.33, 0.33), (0.6, 0.25, 0.1, 0.05), (0.2,) * 4])
def test_sponsors_who_share_a_slot_all_get_theirs(tmp_path: Path, shares: tuple[float, ...]) -> None:
    """Whoever is owed the most stands; the others keep their turn. Three workers."""
    chance, workers, shown = random.Random(1), [Turns(tmp_path / "turns") for _ in range(3)], []
    for _ in range(3000):
        turns = chance.choice(workers)
        owed = {flight: credit for flight, share in enumerate(shares) if (credit := turns.take(flight, share))}
        first = max(owed, key=lambda flight: owed[flight], default=None)
        for flight in owed:
            if flight != first:
                turns.give_back(flight)
        shown.append(first)
    for flight, share in enumerate(shares):
        for at in range(0, 2901, 7):
            assert abs(shown[at : at + 100].count(flight) - 100 * share) <= 1 + 1e-6


def test_turns_that_were_missed_for_long_are_not_made_up_for_all_at_once() -> None:
    turns = Turns()
    for _ in range(1000):
        if turns.take(1, 0.5):
            turns.give_back(1)
    again = [turns.take(1, 0.5) is not None for _ in range(100)]
    assert 50 <= sum(again) <= 50 + CREDIT_MAX


def test_turns_that_come_to_nothing_now_and_then_are_made_up_for() -> None:
    chance, turns, shown = random.Random(1), Turns(), 0
    for _ in range(10_000):
        if turns.take(1, 0.3):
            if chance.random() < 0.2:
                turns.give_back(1)
            else:
                shown += 1
    assert abs(shown - 3000) <= CREDIT_MAX


def test_a_worker_that_begins_again_goes_on_where_the_others_are(tmp_path: Path) -> None:
    shown = [Turns(tmp_path / "turns").take(1, 0.3) is not None for _ in range(100)]
    assert sum(shown) == 30


WORKER = """
import sys
from pathlib import Path
from adengine.pacing.turns import Turns
turns = Turns(Path(sys.argv[1]))
sys.stdin.readline()
print(sum(turns.take(1, 0.3) is not None for _ in range(int(sys.argv[2]))), flush=True)
"""
PAGES = 20_000


def a_worker(path: Path, pages: int = PAGES) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WORKER, str(path), str(pages)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_workers_at_the_same_time_lose_no_page(tmp_path: Path) -> None:
    """Three processes at once: without the lock now and then a page is lost, or a turn given twice."""
    workers = [a_worker(tmp_path / "turns") for _ in range(3)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert sum(int(worker.communicate(timeout=60)[0]) for worker in workers) == 0.3 * 3 * PAGES


def test_a_killed_worker_holds_nobody_up(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "turns")
    with a_worker(tmp_path / "turns", 10**9) as worker:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
        before = [turns.take(2, 0.3) is not None for _ in range(1000)]
        os.kill(worker.pid, signal.SIGKILL)
    assert sum(before) == 300
    assert sum(turns.take(1, 0.3) is not None for _ in range(100)) in (29, 30, 31)


def test_a_page_does_not_wait_for_a_worker_that_was_stopped_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "turns"
    turns = Turns(path)
    child = os.fork()
    if child == 0:  # pragma: no cover - holds all locks until it is killed
        fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX)
        os.kill(os.getpid(), signal.SIGSTOP)
    os.waitpid(child, os.WUNTRACED)
    shown = [turns.take(1, 0.3) is not None for _ in range(20)]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert sum(shown) == 6
