"""One connection: what it says to servers that are slow, terse or strange, by the compiled talk and without."""

from __future__ import annotations

import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from adengine.store import wire
from adengine.store.wire import Lost, Refusal, Wire, options_of
from tests.twins import both

twin = both(wire, "talk")
PATIENT_S = 60.0
LARGE = bytes(range(256)) * 40_000
"""More than any socket keeps."""
PING = ("PING", "k")
PINGED = b"*2\r\n$4\r\nPING\r\n$1\r\nk\r\n"


@contextmanager
def server(serve: Callable[[socket.socket], object], scheme: str = "redis") -> Iterator[str]:
    """The URL of one that `serve`s one connection after another."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
            thread.join()


def greeted(client: socket.socket) -> bytes:
    """Answers the first question, by which a `Wire` is warm; gives the second."""
    client.recv(1000)
    client.sendall(b"+PONG\r\n")
    return client.recv(1000)


@contextmanager
def warm(url: str) -> Iterator[Wire]:
    """Just used, so that it is not looked at again before the next question."""
    made = Wire(options_of(url))
    try:
        assert made.exchange([PING], soon()) in ([b"PONG"], [b"k"])
        yield made
    finally:
        made.close()


def soon(within_s: float = PATIENT_S) -> float:
    return time.monotonic() + within_s


def test_questions_and_answers_may_be_larger_than_sockets_and_buffers(valkey_url: str) -> None:
    with warm(valkey_url) as to_server:
        assert (to_server._channel is None) == (wire.talk is None)
        for _ in range(3):
            assert to_server.ask(("SET", "k", LARGE), soon()) == b"OK"
            assert to_server.ask(("GET", "k"), soon()) == LARGE
        said = to_server.exchange([("SET", "k", LARGE), ("GET", "k"), ("DEL", "k")], soon())
    assert said == [b"OK", LARGE, 1]


def test_replies_of_all_kinds_are_read_and_what_is_refused_stands_in_its_place(valkey_url: str) -> None:
    asked = {
        ("SET", "k", "7"): b"OK", ("INCR", "k"): 8, ("DECRBY", "k", 10): -2, ("GET", "k"): b"-2", ("GET", "none"): None,
        ("MGET", "k", "none"): [b"-2", None], ("EVAL", "return {{1, {'a'}}, {}, 'b'}", 0): [[1, [b"a"]], [], b"b"],
        ("RPUSH", "k", "x"): Refusal, ("DEL", "k"): 1,
    }  # fmt: skip
    with warm(valkey_url) as to_server:
        for command, expected in asked.items():
            said = to_server.ask(command, soon())
            assert type(said) is Refusal if expected is Refusal else said == expected, command


def test_an_answer_in_pieces_is_put_together() -> None:
    def serve(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert greeted(client) == PINGED
        for letter in b"*2\r\n$4\r\nPO\r\n\r\n:7\r\n":
            client.sendall(bytes([letter]))
        client.recv(1)

    with server(serve) as url, warm(url) as to_server:
        assert to_server.ask(PING, soon()) == [b"PO\r\n", 7]


def test_a_server_that_closes_instead_of_an_answer_has_lost_it() -> None:
    with server(greeted) as url, warm(url) as to_server, pytest.raises(Lost, match="closed"):
        to_server.ask(PING, soon())


def test_a_server_that_does_not_answer_is_waited_for_until_the_deadline() -> None:
    with server(lambda client: (greeted(client), client.recv(1))) as url, warm(url) as to_server:
        with pytest.raises(Lost, match="timed out"):
            to_server.ask(PING, soon(0.05))
        assert to_server._socket is None


class Disturbed(Exception):
    """Raised by a signal's handler."""


def test_an_exception_of_a_signals_handler_comes_through_and_no_answer_is_mistaken_for_the_next() -> None:
    handled = threading.Event()

    def handle(*_: object) -> None:
        if not handled.is_set():
            handled.set()
            raise Disturbed

    def serve(client: socket.socket) -> None:
        greeted(client)
        if handled.is_set():
            client.sendall(b":2\r\n")
        while not handled.wait(0.01):  # one that comes just before the wait does not end it
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        client.sendall(b":1\r\n")

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with server(serve) as url, warm(url) as disturbed:
            with pytest.raises(Disturbed):
                disturbed.ask(PING, soon())
            assert disturbed._socket is None
            assert [disturbed.ask(PING, soon()) for _ in range(2)] == [b"PONG", 2]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_is_encrypted_is_not_sent_past_its_encryption() -> None:
    ciphers = "AECDH-AES256-SHA:@SECLEVEL=0"  # such as need no certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    arrived: list[bytes] = []

    def serve(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as encrypted:
            arrived.append(greeted(encrypted))
            encrypted.sendall(b":7\r\n")

    with server(serve, "rediss") as url:
        options = f"ssl_cert_reqs=none&ssl_check_hostname=false&ssl_ciphers={ciphers}"
        with warm(f"{url}?{options}") as to_server:
            assert to_server._channel is None
            assert to_server.ask(PING, soon()) == 7
    assert arrived == [PINGED]
