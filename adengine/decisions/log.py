"""The open end of the decision log: a file of lines for each hour and worker; `segments` turns the closed ones over."""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path
from typing import Any

import orjson

FOLDER = "decisions"
"""In the data folder."""
HOUR_S, DAY_S = 3600, 86_400
LINES = ".ndjson"


class DecisionLog:
    """Shared by all threads of a worker. Lines of a killed worker are there up to the last one that was written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lock = threading.Lock()
        self._hour = -1
        self._file = -1

    def append(self, at_s: int, record: dict[str, Any]) -> None:
        """Raises OSError if the disk does not take it."""
        line = orjson.dumps(record) + b"\n"
        with self._lock:
            if at_s // HOUR_S != self._hour:
                self._open(at_s // HOUR_S)
            os.write(self._file, line)

    def _open(self, hour: int) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / f"{hour * HOUR_S}-{self._name}{LINES}"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._hour = hour
