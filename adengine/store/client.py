"""The one way to Valkey/Redis: `connect(url)` gives a `Store`, alone or a cluster, that never repeats a call.

redis-py retries ten times by default, and a repeated call whose reply was lost counts twice; here a call that may have
been executed fails instead, and only answers that say "not executed" (NOSCRIPT, MOVED, ASK) are followed. Each thread
keeps its own connection to each node (`store.wire`); each node has its own breaker, shared by the threads.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from adengine.errors import StoreUnavailable
from adengine.store.breaker import Breaker
from adengine.store.nodes import Address, Nodes, nodes_of
from adengine.store.script import Script
from adengine.store.wire import Command, Lost, Refusal, Wire, Word

__all__ = ["Command", "Script", "Store", "StoreForbids", "StoreRefused", "Word", "connect", "store_clock"]

AWAY = frozenset(("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY"))
"""Refusals by a server that cannot serve now; by the next connection another may stand at its address."""


class StoreRefused(StoreUnavailable):
    """The store answered, with an error: a command of ours it did not execute, or a script that stopped at one."""


class StoreForbids(StoreRefused):
    """The store's access rules do not let us do that."""


def connect(url: str, *, timeout_ms: int) -> Store:
    """A store at redis://, rediss://, unix://, or a cluster at redis+cluster:// or rediss+cluster://.

    Nothing is sent yet: a store that is away now may be back at the first call.
    timeout_ms: how long one call may take, opening a connection included, unless it says otherwise.
    """
    return Store(nodes_of(url), timeout_ms=timeout_ms)


def store_clock() -> int:
    """In place of a time, epoch s: the scripts read the store's own clock. A simulation has another one."""
    return 0


class _Own(threading.local):
    """What each thread has for itself."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.wires: dict[Address, Wire] = {}
        self.round_trips = 0


class Store:
    """Safe to share between threads and to take through a fork. Every failure, of any kind, is `StoreUnavailable`."""

    def __init__(self, nodes: Nodes, *, timeout_ms: int) -> None:
        self._nodes = nodes
        self._timeout_ms = timeout_ms
        self._only = nodes.only
        self._breakers: dict[Address, Breaker] = {}
        self._own = _Own()

    @property
    def round_trips(self) -> int:
        """How often the calling thread has waited for an answer."""
        return self._own.round_trips

    def run(self, script: Script, keys: Sequence[str], args: Sequence[Word], *, timeout_ms: int | None = None) -> Any:
        """The script's reply, as bytes, integers and lists. keys: all in one cluster slot, at least one."""
        deadline_s = self._deadline_s(timeout_ms)
        call: Command = ("EVALSHA", script.sha, len(keys), *keys, *args)
        reply = self._at(keys[0], [call], deadline_s)[0]
        if type(reply) is not Refusal:
            return reply
        if reply.code == "NOSCRIPT":
            reply = self._at(keys[0], [("EVAL", script.text, *call[2:])], deadline_s)[0]
        return _good(reply)

    def read(self, *commands: Command, timeout_ms: int | None = None) -> list[Any]:
        """The replies of commands in one round trip. Their keys must lie in one cluster slot."""
        replies = self._at(str(commands[0][1]), commands, self._deadline_s(timeout_ms))
        return [_good(reply) for reply in replies]

    def across(self, commands: Sequence[Command], *, timeout_ms: int | None = None) -> list[Any]:
        """The replies of commands whose keys lie anywhere, in their order; one round trip for each node.

        timeout_ms: for each node.
        """
        return [_good(reply) for reply in self._across([str(command[1]) for command in commands], commands, timeout_ms)]

    def run_each(
        self, script: Script, calls: Sequence[tuple[str, Sequence[Word]]], *, timeout_ms: int | None = None
    ) -> list[Any]:
        """The script's replies for many (key, args), in their order; one round trip for each node.

        timeout_ms: for each node.
        """
        places = [key for key, _ in calls]
        commands: list[Command] = [("EVALSHA", script.sha, 1, key, *args) for key, args in calls]
        replies = self._across(places, commands, timeout_ms)
        unknown = [index for index, reply in enumerate(replies) if _code(reply) == "NOSCRIPT"]
        if unknown:
            told: list[Command] = [("EVAL", script.text, *commands[index][2:]) for index in unknown]
            again = self._across([places[index] for index in unknown], told, timeout_ms)
            for index, reply in zip(unknown, again, strict=True):
                replies[index] = reply
        return [_good(reply) for reply in replies]

    def _across(self, places: Sequence[str], commands: Sequence[Command], timeout_ms: int | None) -> list[Any]:
        """Replies and refusals; places: the key by which each command finds its node."""
        by_node: dict[Address, list[int]] = {}
        for index, place in enumerate(places):
            by_node.setdefault(self._address(place, self._deadline_s(timeout_ms)), []).append(index)
        replies: list[Any] = [None] * len(commands)
        for address, indices in by_node.items():
            these = [commands[index] for index in indices]
            for index, reply in zip(indices, self._exchange(address, these, self._deadline_s(timeout_ms)), strict=True):
                replies[index] = reply
        if any(_code(reply) == "MOVED" for reply in replies):
            self._nodes.suspect()
        return replies

    def everywhere(self, *words: Word, timeout_ms: int | None = None) -> list[Any]:
        """One command's reply from every primary, for checks and figures. timeout_ms: for each."""
        try:
            addresses = self._nodes.primaries(self._deadline_s(timeout_ms))
        except Lost as lost:
            raise _unavailable(lost) from lost
        return [_good(self._exchange(address, [words], self._deadline_s(timeout_ms))[0]) for address in addresses]

    def ping(self) -> None:
        """Returns when every primary answers; raises `StoreUnavailable` otherwise."""
        self.everywhere("PING")

    def close(self) -> None:
        """Drops the calling thread's connections."""
        for wire in self._wires().values():
            wire.close()
        self._wires().clear()

    def _deadline_s(self, timeout_ms: int | None) -> float:
        return time.monotonic() + (self._timeout_ms if timeout_ms is None else timeout_ms) / 1000

    def _at(self, key: str, commands: Sequence[Command], deadline_s: float) -> list[Any]:
        """Replies from the node that holds `key`, or from the one that it points at; it has not executed those."""
        asked = self._address(key, deadline_s)
        replies = self._exchange(asked, commands, deadline_s)
        if len(replies) == 1 and type(replies[0]) is not Refusal:
            return replies
        elsewhere = [index for index, reply in enumerate(replies) if _code(reply) in ("MOVED", "ASK")]
        if elsewhere:
            pointer = replies[elsewhere[0]]
            answers = self._followed(key, pointer, asked, [commands[index] for index in elsewhere], deadline_s)
            for index, answer in zip(elsewhere, answers, strict=True):
                replies[index] = answer
        return replies

    def _followed(
        self, key: str, pointer: Refusal, asked: Address, commands: Sequence[Command], deadline_s: float
    ) -> list[Any]:
        address = _told(pointer, asked)
        if pointer.code == "ASK":
            asking = [word for command in commands for word in (("ASKING",), command)]
            return self._exchange(address, asking, deadline_s)[1::2]
        self._nodes.moved(key, address)
        return self._exchange(address, commands, deadline_s)

    def _address(self, key: str, deadline_s: float) -> Address:
        if self._only is not None:
            return self._only
        try:
            return self._nodes.address(key, deadline_s)
        except Lost as lost:
            raise _unavailable(lost) from lost

    def _exchange(self, address: Address, commands: Sequence[Command], deadline_s: float) -> list[Any]:
        """One round trip; refusals stand among the replies, except those of a node that cannot serve."""
        breaker = self._breakers.get(address) or self._breakers.setdefault(address, Breaker())
        now_s = time.monotonic()
        if now_s >= deadline_s:
            raise StoreUnavailable("the time allowed was over before the store was asked")  # which says nothing of it
        if breaker.failures and not breaker.admits(now_s):
            raise StoreUnavailable("the store did not answer the last calls; trying again shortly")
        wires = self._wires()
        wire = wires.get(address) or wires.setdefault(address, self._nodes.wire(address))
        self._own.round_trips += 1
        try:
            one = len(commands) == 1
            replies = [wire.ask(commands[0], deadline_s)] if one else wire.exchange(commands, deadline_s)
            if type(replies[0]) is Refusal and replies[0].code in AWAY:
                wire.close()
                raise Lost(str(replies[0]))
        except Lost as lost:
            breaker.failed(time.monotonic())
            self._nodes.suspect()
            raise _unavailable(lost) from lost
        except Refusal as refusal:
            raise _refused(refusal) from refusal
        if breaker.failures:
            breaker.succeeded()
        return replies

    def _wires(self) -> dict[Address, Wire]:
        own = self._own
        if own.pid != os.getpid():
            own.pid, own.wires = os.getpid(), {}  # a forked child must not read its parent's replies
        return own.wires


def _told(refusal: Refusal, asked: Address) -> Address:
    """Where "MOVED 3999 127.0.0.1:6381" points; without a host, the one that was asked."""
    host, _, port = str(refusal).rpartition(" ")[2].rpartition(":")
    return (host or asked[0], int(port))


def _code(reply: Any) -> str:
    """Of a refusal; empty for an answer."""
    return reply.code if isinstance(reply, Refusal) else ""


def _good(reply: Any) -> Any:
    if isinstance(reply, Refusal):
        raise _refused(reply) from reply
    return reply


def _refused(refusal: Refusal) -> StoreRefused:
    kind = StoreForbids if refusal.code == "NOPERM" else StoreRefused
    return kind(f"the store refused: {refusal}")


def _unavailable(lost: Lost) -> StoreUnavailable:
    return StoreUnavailable(f"the store did not answer: {lost}")
