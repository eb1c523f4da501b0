"""Runs wrk on a script that sends prepared requests, and reads what it found."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from adengine.errors import Unsafe

SCRIPT = Path(__file__).with_name("rotate.lua")
US = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}
NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What is sent to a server."""

    path: str
    """`NONE`: each line of the file is a path, sent without a body."""
    file: Path
    """A body a line."""
    key: str = NONE
    once: bool = False
    """Whether each is sent once at most: the run is over then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    requests: int
    seconds: float
    p50_us: float


def require() -> None:
    """Raises `Unsafe` where there is no wrk."""
    if shutil.which("wrk") is None:
        raise Unsafe(
            "bench measures over HTTP with wrk, which is not installed: apt-get install wrk "
            "(make bench does it), or measure without a server: bench --in-process"
        )


def run(
    port: int, requests: Requests, *, connections: int, seconds: float, begin: int = 0, answers: Path | None = None
) -> Found:
    """begin: the line to begin with.  answers: a file for the bodies of all answers.

    Raises `Unsafe` if an answer is not 2xx, or a connection fails.
    """
    argv = [
        "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "10s",
        "-s", str(SCRIPT), f"http://127.0.0.1:{port}", "--", requests.path, str(requests.file), str(begin),
        "once" if requests.once else "again", requests.key, str(answers or NONE),
    ]  # fmt: skip
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    return read(ran.stdout + ran.stderr)


def read(said: str) -> Found:
    """said: what wrk printed."""
    summary = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", said)
    middle = re.search(r"^\s+50%\s+([\d.]+)(us|ms|s|m)", said, re.M)
    if summary is None or middle is None or "Non-2xx" in said or "Socket errors" in said:
        raise Unsafe(f"wrk was not answered well:\n{said}")
    return Found(
        requests=int(summary[1]),
        seconds=float(summary[2]) * US[summary[3]] / 1e6,
        p50_us=float(middle[1]) * US[middle[2]],
    )
