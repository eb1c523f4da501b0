"""One connection to one server, for one thread: sends commands, reads their replies, until a deadline and no longer.

redis-py opens it (TCP, TLS, unix socket, password, database); then hiredis packs and parses, which costs half of
redis-py's own client. Nothing is ever sent twice. A connection whose reply did not come is closed with its late reply.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import hiredis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, parse_url
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.retry import Retry

from adengine.native import Channel, talk

Word: TypeAlias = str | bytes | int
Command: TypeAlias = tuple[Word, ...]
"""A command's words; the second is its key."""
READ_BYTES = 65_536
BUSY_S = 0.05
"""A connection that was good so lately is not looked at again: no server is back within so short a time."""
STEP_S_MIN = 0.001
"""A reply that is there already is read even past the deadline: it was our thread that came late, not the store."""
UNREAD = talk.UNREAD if talk is not None else None


class Lost(Exception):
    """No answer in time, or none to be trusted. Whether the commands were executed is not known."""


class Refusal(Exception):
    """An error that the server answered."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = text.partition(" ")[0]


def options_of(url: str) -> dict[str, Any]:
    """How to open a connection to redis://, rediss:// or unix://, as `Wire` wants it. Raises `ValueError`."""
    return dict(parse_url(url))  # type: ignore[no-untyped-call]


class Wire:
    """Opens at the first exchange, and again at the next one whenever it was closed, by either end."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        given = {"connection_class": Connection, "protocol": 2, "driver_info": None, **options}
        made: type[AbstractConnection] = given.pop("connection_class")
        self._opener = made(retry=Retry(NoBackoff(), 0), **given)
        self._socket: socket.socket | None = None
        self._replies = hiredis.Reader(replyError=Refusal)
        self._watch = select.poll()
        self._buffer = bytearray(READ_BYTES)
        self._channel: Channel | None = None
        """Of a plain socket, where that is compiled."""
        self._used_s = -BUSY_S
        self._allowed_ms = -1

    def exchange(self, commands: Sequence[Command], deadline_s: float) -> list[Any]:
        """Sends all, then reads a reply for each; a `Refusal` stands among them. Raises `Lost`, or `Refusal` of us.

        deadline_s: on the clock of `time.monotonic`.
        """
        try:
            to_server = self._ready(deadline_s)
            if time.monotonic() >= deadline_s:
                raise Lost("the time allowed was over before the commands could be sent")
            question = b"".join([_packed(command) for command in commands])
            self._allow(to_server, deadline_s)
            to_server.sendall(question)
            replies = [self._reply(to_server, deadline_s) for _ in commands]
            self._used_s = time.monotonic()
            return replies
        except Lost:
            raise  # the connection is good, and the next call finds it open
        except BaseException as error:  # noqa: BLE001  # raised again
            self._fail(error)

    def ask(self, command: Command, deadline_s: float) -> Any:
        """The same for one command: its reply, or a `Refusal`."""
        channel, to_server = self._channel, self._socket
        if channel is None or to_server is None or not time.monotonic() < min(self._used_s + BUSY_S, deadline_s):
            return self.exchange((command,), deadline_s)[0]
        try:
            reply = channel.ask(_packed(command), deadline_s)
            if reply is UNREAD:
                self._replies.feed(channel.received)  # type: ignore[arg-type]  # as below
                reply = self._reply(to_server, deadline_s)
            self._used_s = time.monotonic()
            return reply
        except BaseException as error:  # noqa: BLE001  # raised again
            self._fail(error)

    def close(self) -> None:
        self._socket = self._channel = None
        self._opener.disconnect()  # type: ignore[no-untyped-call]

    def _fail(self, error: BaseException) -> NoReturn:
        """A signal's exception, too, leaves a reply on its way."""
        self.close()
        if isinstance(error, AuthenticationError | ResponseError):
            raise Refusal(str(error)) from error
        if isinstance(error, OSError | RedisError | hiredis.HiredisError):
            raise Lost(str(error) or type(error).__name__) from error
        raise error

    def _ready(self, deadline_s: float) -> socket.socket:
        """An open socket with nothing to read: one that has was closed by the server, and nothing is lost on it yet."""
        if self._socket is not None:
            if time.monotonic() - self._used_s < BUSY_S or not self._watch.poll(0):
                return self._socket
            self.close()
        self._opener.socket_connect_timeout = self._opener.socket_timeout = _left_s(deadline_s)
        self._opener.connect()  # type: ignore[no-untyped-call]
        opened: socket.socket | None = self._opener._get_socket()
        if opened is None:
            raise OSError("not connected")
        self._socket = opened
        self._allowed_ms = -1
        self._replies = hiredis.Reader(replyError=Refusal)
        self._watch = select.poll()
        self._watch.register(opened, select.POLLIN)
        if talk is not None and type(opened) is socket.socket:
            opened.setblocking(False)
            self._channel = talk.Channel(opened.fileno(), READ_BYTES)
        return opened

    def _reply(self, from_server: socket.socket, deadline_s: float) -> Any:
        while (reply := self._replies.gets()) is False:
            self._allow(from_server, deadline_s)
            count = from_server.recv_into(self._buffer)
            if count == 0:
                raise OSError("the server closed the connection")
            self._replies.feed(self._buffer, 0, count)  # type: ignore[arg-type]  # its stub forgets bytearrays
        return reply

    def _allow(self, server: socket.socket, deadline_s: float) -> None:
        """The next call waits no longer than that, to a millisecond; told to the system only when it is another."""
        left_ms = int(_left_s(deadline_s) * 1000) + 1
        if left_ms != self._allowed_ms:
            server.settimeout(left_ms / 1000)
            self._allowed_ms = left_ms


def _packed(command: Command) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # its stub means tuples of one
    return packed


def _left_s(deadline_s: float) -> float:
    return max(STEP_S_MIN, deadline_s - time.monotonic())
