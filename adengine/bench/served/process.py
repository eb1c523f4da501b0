"""What Linux says of a process: the CPU time it took, the memory that is its own, whose a connection is."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
UTIME, STIME = 11, 12
"""Fields of /proc/<pid>/stat behind the command's name; proc(5)."""
PROC = Path("/proc")


def cpu_s(pid: int) -> float:
    """Of all its threads, user and system; in steps of a hundredth of a second."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[UTIME]) + int(fields[STIME])) * TICK_S


def children(pid: int) -> list[int]:
    tasks = (PROC / str(pid) / "task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def own_mb(pid: int, beside: Path) -> float:
    """MB of memory that are this process's alone (its USS), without what it maps of files in the folder `beside`."""
    private_kb = 0
    is_beside = False
    for line in (PROC / str(pid) / "smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            is_beside = str(beside) in line
        elif not is_beside and line.startswith(("Private_Clean:", "Private_Dirty:")):
            private_kb += int(line.split()[1])
    return private_kb / 1024


def answering(pids: list[int], ours: socket.socket) -> int:
    """Which of `pids` has the other end of our connection over 127.0.0.1."""
    wanted = (f":{ours.getpeername()[1]:04X}", f":{ours.getsockname()[1]:04X}")
    inode = next(
        fields[9]
        for fields in map(str.split, (PROC / "net/tcp").read_text().splitlines()[1:])
        if fields[1].endswith(wanted[0]) and fields[2].endswith(wanted[1])
    )
    for pid in pids:
        for link in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if str(link.readlink()) == f"socket:[{inode}]":
                    return pid
    raise LookupError(f"none of {pids} has the connection")


@contextlib.contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """Whatever is started within runs on these cores only, and so does this thread."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@cache
def cores() -> tuple[set[int], set[int]]:
    """(the worker's one, those of the store, of wrk and of all else); the same one on a machine that has one.

    Told by the cores that this process had when it asked first: `on` leaves it fewer.
    """
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}
