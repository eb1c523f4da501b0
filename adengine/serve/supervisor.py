"""Keeps children alive and stops them in order. Knows nothing of what they do.

What dies is started again, at once the first time, then after growing pauses. On SIGTERM or SIGINT the children stop
one after the other, each with its own time between SIGTERM and SIGKILL. If the supervisor itself is killed, the kernel
takes its children along (`store.lineage`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

import structlog

from adengine.errors import AdengineError
from adengine.store.lineage import die_with_parent

LOOK_EVERY_S = 0.1
PAUSE_S_MAX = 2.0
"""The longest pause before something that keeps dying is started again."""
STEADY_S = 10.0
"""What has lived so long is started again at once."""
_log = structlog.get_logger("adengine.serve")


class Charge(Protocol):
    """Something that the supervisor starts, watches and stops."""

    name: str

    def start(self) -> object: ...

    def alive(self) -> bool: ...

    def stop(self) -> None:
        """Returns when it has ended, killed if need be."""


class Child:
    """A process of ours; `grace_s` is what it gets between SIGTERM and SIGKILL."""

    def __init__(self, name: str, argv: Sequence[str], environ: Mapping[str, str], grace_s: float) -> None:
        self.name = name
        self._argv = argv
        self._environ = environ
        self._grace_s = grace_s
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        us = os.getpid()
        self._process = subprocess.Popen(
            self._argv,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: die_with_parent(us),  # safe: the supervisor has one thread
            process_group=0,  # a Ctrl-C in the terminal reaches the supervisor alone, which stops us in order
        )

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def stop(self) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(self._grace_s)
        except subprocess.TimeoutExpired:
            _log.warning("killed", child=self.name, after_s=self._grace_s)
            process.kill()
            process.wait()


@dataclass(slots=True)
class _Watch:
    charge: Charge
    started_s: float = 0.0
    pause_s: float = 0.0
    due_s: float | None = None
    """When it is to be started again; None: it is believed alive."""


@dataclass(slots=True)
class Supervisor:
    """Starts `charges` in the order given, those that live already excepted, and stops all in the opposite one."""

    charges: Sequence[Charge]
    stopping: bool = field(default=False, init=False)

    def run(self, each_look: Callable[[], None] = lambda: None) -> None:
        """Until a signal says stop.  each_look: called about every `LOOK_EVERY_S`; what it raises ends everything."""
        watches = [_Watch(charge) for charge in self.charges]
        with self._listening():
            try:
                for watch in watches:
                    if not watch.charge.alive():
                        _start(watch)
                while not self.stopping:
                    for watch in watches:
                        _look(watch)
                    each_look()
                    time.sleep(LOOK_EVERY_S)
            finally:
                self._stop_all()

    def _stop_all(self) -> None:
        for charge in reversed(self.charges):
            began_s = time.monotonic()
            charge.stop()
            _log.info("stopped", child=charge.name, ms=round((time.monotonic() - began_s) * 1000))

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        self.stopping = True


def _start(watch: _Watch) -> None:
    watch.charge.start()
    watch.started_s = time.monotonic()
    watch.due_s = None


def _look(watch: _Watch) -> None:
    now_s = time.monotonic()
    if watch.due_s is None and not watch.charge.alive():
        lived_s = now_s - watch.started_s
        watch.pause_s = 0.0 if lived_s >= STEADY_S else min(PAUSE_S_MAX, watch.pause_s * 2 or LOOK_EVERY_S)
        watch.due_s = now_s + watch.pause_s
        _log.error("died", child=watch.charge.name, lived_s=round(lived_s, 1), again_in_s=watch.pause_s)
    if watch.due_s is not None and now_s >= watch.due_s:
        _start_again(watch, now_s)


def _start_again(watch: _Watch, now_s: float) -> None:
    try:
        _start(watch)
        _log.info("started again", child=watch.charge.name)
    except (AdengineError, OSError) as error:
        watch.due_s = now_s + PAUSE_S_MAX
        _log.error("does not start", child=watch.charge.name, why=str(error), again_in_s=PAUSE_S_MAX)
