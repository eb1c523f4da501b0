"""The supervisor by itself: its children are started again when they die, stopped in order, never orphans."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually

WAITS = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITS
DIES = "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')"

SUPERVISE = """
import json, os, sys
from pathlib import Path
from adengine.serve.supervisor import Child, Supervisor
from adengine.web import logs
logs.configure("info")
folder, children = Path(sys.argv[1]), json.loads(sys.argv[2])
Supervisor([
    Child(name, [sys.executable, "-c", script, str(folder / name)], os.environ, grace_s=0.5)
    for name, script in children
]).run()
"""


class Supervised:
    def __init__(self, folder: Path, children: dict[str, str]) -> None:
        self.folder = folder
        self._log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, str(folder), json.dumps(list(children.items()))], stderr=self._log
        )

    def pids(self, name: str) -> list[int]:
        path = self.folder / name
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []

    def events(self, event: str) -> list[dict[str, object]]:
        lines = map(json.loads, (self.folder / "log").read_text().splitlines())
        return [line for line in lines if line["event"] == event]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()


Start = Callable[[dict[str, str]], Supervised]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Start]:
    running: list[Supervised] = []

    def start(children: dict[str, str]) -> Supervised:
        running.append(Supervised(tmp_path, children))
        return running[-1]

    yield start
    for supervised in running:
        supervised.end()


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_that_is_killed_is_started_again(supervise: Start) -> None:
    supervised = supervise({"a": WAITS, "b": WAITS})
    eventually(lambda: supervised.pids("a") and supervised.pids("b"))
    os.kill(supervised.pids("a")[0], signal.SIGKILL)
    eventually(lambda: len(supervised.pids("a")) == 2)
    assert len(supervised.pids("b")) == 1


def test_a_child_that_keeps_dying_is_started_again_after_growing_pauses(supervise: Start) -> None:
    supervised = supervise({"a": DIES, "b": WAITS})
    eventually(lambda: len(supervised.events("died")) >= 4, within_s=10)
    pauses = [event["again_in_s"] for event in supervised.events("died")][:4]
    assert pauses == [0.1, 0.2, 0.4, 0.8]
    assert len(supervised.pids("b")) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_the_children_in_the_opposite_order_and_then_the_supervisor(
    supervise: Start, number: signal.Signals
) -> None:
    supervised = supervise({"a": WAITS, "b": WAITS, "c": WAITS})
    eventually(lambda: all(supervised.pids(name) for name in "abc"))
    supervised.process.send_signal(number)
    assert supervised.process.wait(10) == 0
    assert [event["child"] for event in supervised.events("stopped")] == ["c", "b", "a"]
    assert all(gone(supervised.pids(name)[0]) for name in "abc")


def test_a_child_that_ignores_the_stop_is_killed_when_its_grace_is_over(supervise: Start) -> None:
    supervised = supervise({"a": STUBBORN})
    eventually(lambda: supervised.pids("a"))
    supervised.process.terminate()
    assert supervised.process.wait(10) == 0
    assert [event["child"] for event in supervised.events("killed")] == ["a"]
    assert gone(supervised.pids("a")[0])


def test_a_killed_supervisor_leaves_no_orphan_not_even_a_stubborn_one(supervise: Start) -> None:
    supervised = supervise({"a": WAITS, "b": STUBBORN})
    eventually(lambda: supervised.pids("a") and supervised.pids("b"))
    supervised.process.kill()
    eventually(lambda: gone(supervised.pids("a")[0]) and gone(supervised.pids("b")[0]))
