"""One server of one subject: started, waited for, asked and stopped."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from adengine.bench.served import process
from adengine.errors import Unsafe
from adengine.serve.supervisor import Child

HOST = "127.0.0.1"
LOOK_S, ANSWER_S = 0.05, 30.0
GRACE_S = 6.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def python(name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Child:
    """`python -m …` as a child of ours; what it prints on standard output is not for our reader."""
    return Child(name, [sys.executable, "-m", *arguments], environ, GRACE_S)


class Server:
    """A granian of ours; its workers are its only children."""

    def __init__(self, child: Child, port: int) -> None:
        self._child = child
        self.port = port

    def start(self, cores: set[int], path: str | None) -> None:
        """Returns when it answers a GET of `path` with less than 500; without one, when it lets us connect."""
        with process.on(cores):
            self._child.start()
        while not self._answers(path):
            if not self._child.alive():
                raise Unsafe(f"{self._child.name} stopped before it answered; what it said stands above")
            time.sleep(LOOK_S)

    def workers(self) -> list[int]:
        """Their process ids."""
        pid = self._child.pid
        return process.children(pid) if pid is not None else []

    @property
    def worker(self) -> int:
        (pid,) = self.workers()
        return pid

    def stop(self) -> None:
        self._child.stop()

    def connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_S)
        connection.connect()
        return connection

    def _answers(self, path: str | None) -> bool:
        try:
            connection = self.connect()
        except OSError:
            return False
        try:
            if path is None:
                return True
            connection.request("GET", path)
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def ask(
    connection: http.client.HTTPConnection, verb: str, path: str, key: str, body: Any = None, etag: str | None = None
) -> dict[str, Any]:
    """What it answers, as JSON; raises `Unsafe` if that is no success."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if etag is not None:
        headers["If-Match"] = f'"{etag}"'
    connection.request(verb, path, orjson.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        raise Unsafe(f"{verb} {path}: {answer.status}: {said[:500]!r}")
    document: dict[str, Any] = orjson.loads(said)
    return document


def environ(**more: str) -> dict[str, str]:
    return {**os.environ, **more}
