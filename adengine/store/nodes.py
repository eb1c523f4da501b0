"""Which server holds a key: the only one, or a primary of a cluster by its map, which is read beside the calls.

Nobody waits for the map but those who come before the first reading is done: a caller goes by the map that is there,
and MOVED tells him better.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from redis.crc import key_slot

from adengine.store.wire import Lost, Refusal, Wire, options_of

Address: TypeAlias = tuple[str, int]
ONLY: Address = ("", 0)
LOOK_AGAIN_S = 0.25
"""Shortest time between two readings of the map."""
LOOK_WITHIN_S = 0.5
"""Longest wait for one node's map."""
DEFAULT_PORT = 6379


class Nodes(Protocol):
    @property
    def only(self) -> Address | None:
        """The one server that holds all keys, if it is one."""

    def address(self, key: str, deadline_s: float) -> Address:
        """Of the server that holds the key. Raises `Lost`."""

    def primaries(self, deadline_s: float) -> list[Address]:
        """Of all servers that hold keys. Raises `Lost`."""

    def wire(self, address: Address) -> Wire:
        """A new connection; nothing is sent yet."""

    def suspect(self) -> None:
        """A server failed or the map proved old: have it read again."""

    def moved(self, key: str, address: Address) -> None:
        """A server said where the key is."""


def nodes_of(url: str) -> Nodes:
    """The server or cluster at `url`; nothing is sent yet. Raises `ValueError` if it cannot be understood."""
    scheme, _, rest = url.partition("://")
    if scheme.endswith("+cluster"):
        return _Cluster(f"{scheme.removesuffix('+cluster')}://{rest}")
    return _Single(url)


class _Single:
    only = ONLY

    def __init__(self, url: str) -> None:
        self._options = options_of(url)

    def address(self, key: str, deadline_s: float) -> Address:  # noqa: ARG002  one server holds every key
        return ONLY

    def primaries(self, deadline_s: float) -> list[Address]:  # noqa: ARG002
        return [ONLY]

    def wire(self, address: Address) -> Wire:  # noqa: ARG002
        return Wire(self._options)

    def suspect(self) -> None:
        pass

    def moved(self, key: str, address: Address) -> None:
        pass


class _Cluster:
    """The map is a dict from hash slot to primary, replaced whole; https://valkey.io/topics/cluster-spec."""

    only = None

    def __init__(self, url: str) -> None:
        self._options = options_of(url)
        self._seed: Address = (self._options.pop("host", "localhost"), self._options.pop("port", DEFAULT_PORT))
        self._known: list[Address] = []
        """Every node of the last map, primaries first: whom to ask for the next."""
        self._owners: dict[int, Address] = {}
        self._starting = threading.Lock()
        self._reading: threading.Thread | None = None
        self._look_again_s = 0.0
        self._first_look = threading.Event()
        self._why = "not asked yet"
        """What kept the last reading from a map."""

    def address(self, key: str, deadline_s: float) -> Address:
        owner = self._map(deadline_s).get(key_slot(key.encode()))
        if owner is None:
            self.suspect()
            raise Lost("no primary of the cluster holds the key's hash slot")
        return owner

    def primaries(self, deadline_s: float) -> list[Address]:
        return list(dict.fromkeys(self._map(deadline_s).values()))

    def wire(self, address: Address) -> Wire:
        return Wire({**self._options, "host": address[0], "port": address[1]})

    def suspect(self) -> None:
        with self._starting:
            now_s = time.monotonic()
            if now_s < self._look_again_s or (self._reading is not None and self._reading.is_alive()):
                return
            self._look_again_s = now_s + LOOK_AGAIN_S
            self._reading = threading.Thread(target=self._look, name="cluster map", daemon=True)
            self._reading.start()

    def moved(self, key: str, address: Address) -> None:
        self._owners[key_slot(key.encode())] = address
        self.suspect()

    def _map(self, deadline_s: float) -> dict[int, Address]:
        if not self._owners:
            self.suspect()
            self._first_look.wait(max(0.0, deadline_s - time.monotonic()))
        if not self._owners:
            raise Lost(f"no node of the cluster gave its map: {self._why}")
        return self._owners

    def _look(self) -> None:
        """Takes the map of the first node that gives one."""
        for address in dict.fromkeys([*self._known, self._seed]):
            wire = self.wire(address)
            try:
                ranges = wire.exchange([("CLUSTER", "SLOTS")], time.monotonic() + LOOK_WITHIN_S)[0]
            except (Lost, Refusal) as error:
                self._why = str(error)
                continue
            finally:
                wire.close()
            if isinstance(ranges, list) and ranges:
                self._take(ranges, address[0])
                break
            self._why = str(ranges or "it has no primaries yet")
        self._first_look.set()

    def _take(self, ranges: Sequence[Sequence[Any]], asked_host: str) -> None:
        """ranges: [first slot, last slot, primary, replica…], a node as [host or nothing if it is the asked, port …]"""
        owners: dict[int, Address] = {}
        primaries: list[Address] = []
        others: list[Address] = []
        for first, last, *nodes in ranges:
            primary, *replicas = [((node[0] or b"").decode() or asked_host, int(node[1])) for node in nodes]
            owners |= dict.fromkeys(range(first, last + 1), primary)
            primaries.append(primary)
            others += replicas
        self._known = [*primaries, *others]
        self._owners = owners
