"""Waiting for what happens in another thread or process: polls with a deadline, never sleeps for a guessed time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_EVERY_S = 0.02


def eventually(predicate: Callable[[], T], within_s: float = 5) -> T:
    """The first truthy value of `predicate`; fails when `within_s` seconds pass without one."""
    pause = threading.Event()
    deadline_s = time.monotonic() + within_s
    while True:
        value = predicate()
        if value:
            return value
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {predicate}"
        pause.wait(LOOK_EVERY_S)
