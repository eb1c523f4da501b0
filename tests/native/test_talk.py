"""A question and its answer between two real sockets; the other end is a thread, so no lock is held."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hiredis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adengine import native

assert native.talk is not None
Channel, UNREAD = native.talk.Channel, native.talk.UNREAD
ROOM = 1000
PATIENT_S = 60.0
SHORT_S = 0.05
LARGE = bytes(range(256)) * 40_000
"""More than any socket keeps."""


class Ends:
    """`near` asks; what `far` does is a thread's work."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.channel = Channel(self.near.fileno(), ROOM)

    def ask(self, question: bytes = b"PING\r\n", within_s: float = PATIENT_S) -> Any:
        return self.channel.ask(question, time.monotonic() + within_s)

    @contextmanager
    def meanwhile(self, work: Callable[[socket.socket], object]) -> Iterator[None]:
        thread = threading.Thread(target=work, args=(self.far,))
        thread.start()
        try:
            yield
        finally:
            thread.join()


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.near.close()
    made.far.close()


def received(far: socket.socket, size: int) -> bytes:
    return far.recv(size, socket.MSG_WAITALL)


def test_an_answer_that_comes_in_pieces_is_left_to_another_reader(ends: Ends) -> None:
    for piece in (b"+PO", b"NG\r\n"):
        with ends.meanwhile(lambda far, piece=piece: (received(far, 6), far.sendall(piece))):
            assert ends.ask() is UNREAD
        assert bytes(ends.channel.received) == piece


def test_an_answer_beyond_its_room_is_left_too_and_the_rest_stays(ends: Ends) -> None:
    answer = b"$1500\r\n" + b"x" * 1500 + b"\r\n"
    with ends.meanwhile(lambda far: (received(far, 6), far.sendall(answer))):
        assert ends.ask() is UNREAD
    assert bytes(ends.channel.received) + ends.near.recv(ROOM) == answer


def test_a_question_that_no_socket_keeps_arrives_whole(ends: Ends) -> None:
    arrived: list[bytes] = []
    with ends.meanwhile(lambda far: (arrived.append(received(far, len(LARGE))), far.sendall(b"+OK\r\n"))):
        assert ends.ask(LARGE) == b"OK"
    assert arrived == [LARGE]


def test_an_end_that_closes_is_an_error(ends: Ends) -> None:
    with ends.meanwhile(lambda far: (received(far, 6), far.close())), pytest.raises(OSError, match="closed"):
        ends.ask()


def test_an_end_that_has_closed_cannot_be_asked(ends: Ends) -> None:
    ends.far.close()
    with pytest.raises(BrokenPipeError):
        ends.ask()


@pytest.mark.parametrize("question", [b"PING\r\n", LARGE], ids=["no answer", "nobody reads"])
def test_nobody_waits_beyond_the_deadline(ends: Ends, question: bytes) -> None:
    began_s = time.monotonic()
    with pytest.raises(TimeoutError):
        ends.ask(question, SHORT_S)
    assert SHORT_S <= time.monotonic() - began_s < PATIENT_S


def test_an_answer_that_is_there_is_read_past_the_deadline(ends: Ends) -> None:
    ends.far.sendall(b"+PONG\r\n")
    assert ends.ask(within_s=-1) == b"PONG"
    with pytest.raises(TimeoutError):
        ends.ask(within_s=-1)


class Disturbed(Exception):
    """Raised by a signal's handler."""


@pytest.mark.parametrize("raises", [True, False])
def test_a_signal_is_handled_while_it_waits(ends: Ends, raises: bool) -> None:
    handled = threading.Event()

    def handle(*_: object) -> None:
        if not handled.is_set():
            handled.set()
            if raises:
                raise Disturbed

    def disturb(far: socket.socket) -> None:
        received(far, 6)
        while not handled.wait(0.01):  # one that comes just before the wait does not end it
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        far.sendall(b"+PONG\r\n")

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with ends.meanwhile(disturb):
            if raises:
                with pytest.raises(Disturbed):
                    ends.ask()
            else:
                assert ends.ask() == b"PONG"
    finally:
        signal.signal(signal.SIGUSR1, before)


LEAVES = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b":%d\r\n" % number),
    st.binary(max_size=9).map(lambda text: b"$%d\r\n%b\r\n" % (len(text), text)),
    st.sampled_from((b"+\r\n", b"+OK\r\n", b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b"-ERR no\r\n")),
)


def array(inner: list[bytes]) -> bytes:
    return b"*%d\r\n%b" % (len(inner), b"".join(inner))


REPLIES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4).map(array), max_leaves=12)


@given(REPLIES, st.data())
@example(b"*2\r\n*2\r\n:-1\r\n$1\r\nx\r\n$-1\r\n", None)
def test_replies_are_those_of_hiredis_or_left_to_it(reply: bytes, drawn: st.DataObject | None) -> None:
    ends, reader = Ends(), hiredis.Reader()
    reader.feed(reply)
    with ends.near, ends.far:
        ends.far.sendall(reply)
        said, expected = ends.ask(), reader.gets()
        if drawn is None or reply[:1] in b"$+":
            assert said is not UNREAD
        assert said is UNREAD or (said == expected and repr(said) == repr(expected))
        if drawn is not None:
            part = reply[: drawn.draw(st.integers(1, len(reply) - 1))]
            ends.far.sendall(part)
            assert ends.ask() is UNREAD
            assert bytes(ends.channel.received) == part
            ends.far.sendall(reply + b":1\r\n")
            assert ends.ask() is UNREAD, "two replies were taken for one"
