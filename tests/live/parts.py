"""The processes of a running engine, by what they do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import redis

from adengine.store.embedded import EmbeddedValkey
from tests.live.engine import Engine


def pids(engine: Engine, *words: bytes) -> set[int]:
    """The engine's processes whose command line has all of `words`."""
    found = set()
    for pid in engine.processes():
        line = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if all(any(part.endswith(word) for part in line) for word in words):
            found.add(pid)
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def web_main(engine: Engine) -> set[int]:
    assert engine.process is not None
    return {pid for pid in pids(engine, b"adengine", b"web") if parent(pid) == engine.process.pid}


def web_workers(engine: Engine) -> set[int]:
    return pids(engine, b"adengine", b"web") - web_main(engine)


def consumer(engine: Engine) -> set[int]:
    return pids(engine, b"adengine", b"consume")


def pacer(engine: Engine) -> set[int]:
    return pids(engine, b"adengine", b"pace")


def compiler(engine: Engine) -> set[int]:
    return pids(engine, b"adengine", b"compile")


def keeper(engine: Engine) -> set[int]:
    return pids(engine, b"adengine", b"keep")


def valkey(engine: Engine) -> set[int]:
    return {pid for pid in engine.processes() if b"valkey" in Path(f"/proc/{pid}/comm").read_bytes()}


PARTS: dict[str, Callable[[Engine], set[int]]] = {
    "Valkey": valkey,
    "the web": web_main,
    "a worker": web_workers,
    "the consumer": consumer,
    "the pacer": pacer,
    "the keeper": keeper,
    "the compiler": compiler,
}


def write_first(engine: Engine) -> None:
    """From now on the store writes before it answers. By `everysec` it may answer first while the disk is slow, and a
    kill would take with it what production, too, calls the last second."""
    with redis.Redis.from_url(EmbeddedValkey(engine.folder / "var").start()) as client:
        client.config_set("appendfsync", "always")
