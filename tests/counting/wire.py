"""A page's connection: many requests sent at once, answered in their order (HTTP/1.1 pipelining, RFC 9112 § 9.3.2).

Without a library, because what sends a million beacons must leave the machine to what counts them.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

AT_ONCE = 32
"""Requests on their way; few enough that neither side's buffers are ever full of what the other does not read."""
CHUNK_BYTES = 65_536
PATIENT_S = 20


class Broken(Exception):
    """Whoever should answer was killed, or answered what cannot be read."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class Wire:
    """Of one thread; opened when first used, and again behind a `Broken`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._unread = b""

    def answers(self, requests: Sequence[bytes]) -> list[Answer]:
        """Of the first so many requests; all of them, unless the connection broke in between."""
        found: list[Answer] = []
        try:
            for begin in range(0, len(requests), AT_ONCE):
                some = requests[begin : begin + AT_ONCE]
                self._connected().sendall(b"".join(some))
                for _ in some:
                    found.append(self._answer())
        except (OSError, Broken):
            self.close()
        return found

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._unread = None, b""

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _answer(self) -> Answer:
        while b"\r\n\r\n" not in self._unread:
            self._read()
        head, _, rest = self._unread.partition(b"\r\n\r\n")
        length = _length(head)
        self._unread = rest
        while len(self._unread) < length:
            self._read()
        body, self._unread = self._unread[:length], self._unread[length:]
        return Answer(int(head[9:12]), body)

    def _read(self) -> None:
        more = self._connected().recv(CHUNK_BYTES)
        if not more:
            raise Broken
        self._unread += more


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: crash-loop.example", *(f"{k}: {v}" for k, v in headers.items())]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
        if name.lower() == b"transfer-encoding":
            raise Broken
    return 0
