"""A flight that wins the pages of one topic, and what an edit of its topic takes until every worker shows it."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from adengine import demo
from adengine.bench.served import process
from adengine.bench.served.server import Server, ask
from adengine.catalog import sql
from adengine.catalog.known import Known
from adengine.catalog.shelf import Shelf
from adengine.errors import Unsafe
from adengine.store.sql import writing

NAME = "Bench Probe"
CONNECTIONS = 16
"""Two workers that share a port have each at least one of them, but for one time in 32 000."""
LOOK_S = 0.002
WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    flight: str
    topics: tuple[str, str]
    """Of no flight of the book; it is booked for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """Seconds since the edit's request was sent."""

    compiled_s: float
    """Until the new catalogue lay on the shelf."""
    seen_s: float
    """Until pages of every worker were decided by it."""


def book_probe(engine: Engine, known: Known, topics: tuple[str, str], now_s: int) -> Probe:
    """Written as the demo's sponsors are."""
    first, second = topics
    with writing(engine) as connection:
        sql.begin_edit(connection)
        advertiser = demo.add(connection, "advertiser", {"name": NAME}, known, now_s)
        campaign = demo.add(
            connection, "campaign", {"advertiser": advertiser, "name": "probe", "currency": "USD"}, known, now_s
        )
        flight = {
            "campaign": campaign, "tier": "sponsorship", "priority": 1, "starts_at": demo.BEGINNING,
            "targeting": _of_topic(first), "price": {"model": "cpm", "micros": 1},
        }  # fmt: skip
        booked = demo.add(connection, "flight", flight, known, now_s)
        variants = [
            {"role": role, "text": NAME + " again" * length} for length, role in enumerate(("brand", "short", "long"))
        ]
        creative = {"campaign": campaign, "landing_url": "https://probe.example/", "lang": "en", "variants": variants}
        demo.approve(connection, demo.add(connection, "creative", creative, known, now_s), now_s)
    return Probe(flight=booked, topics=(first, second))


class Move:
    """The probe's PATCH to its other topic, ready to be sent."""

    def __init__(self, desk: http.client.HTTPConnection, probe: Probe, key: str) -> None:
        flight = ask(desk, "GET", f"/v1/flights/{probe.flight}", key)
        (now,) = flight["targeting"]["topics"]["include"]
        self.before = now
        self.topic = next(topic for topic in probe.topics if topic != now)
        self._sent = (desk, "PATCH", f"/v1/flights/{probe.flight}", key, {"targeting": _of_topic(self.topic)})
        self._etag = flight["etag"]

    def __call__(self) -> None:
        ask(*self._sent, etag=self._etag)


def edited(server: Server, shelf: Shelf, probe: Probe, keys: Mapping[str, str]) -> Took:
    """Moves the probe, and watches the pages of all workers.

    Raises `Unsafe` if no edit shows, `LookupError` if a worker has none of our connections.
    """
    desk, *eyes = [server.connect() for _ in range(1 + CONNECTIONS)]
    move = Move(desk, probe, keys["manage"])
    _see(eyes, move.before, keys["fill"], time.monotonic() + WITHIN_S)
    _require_all(server, eyes)
    stamp = shelf.stamp()
    began_s = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        sent = beside.submit(move)
        while shelf.stamp() == stamp and time.monotonic() < began_s + WITHIN_S:
            time.sleep(LOOK_S)
        compiled_s = time.monotonic() - began_s
        _see(eyes, move.topic, keys["fill"], began_s + WITHIN_S)
        seen_s = time.monotonic() - began_s
        sent.result()
    for connection in (desk, *eyes):
        connection.close()
    return Took(compiled_s=compiled_s, seen_s=seen_s)


def _of_topic(topic: str) -> dict[str, Any]:
    return {"topics": {"include": [topic], "match": "exact"}}


def _require_all(server: Server, eyes: Sequence[http.client.HTTPConnection]) -> None:
    workers = server.workers()
    seen = {process.answering(workers, connection.sock) for connection in eyes}
    if seen != set(workers):
        raise LookupError("a worker answers none of the connections")


def _see(eyes: Sequence[http.client.HTTPConnection], topic: str, key: str, until_s: float) -> None:
    """Returns when a page of the topic is the probe's on each connection."""
    page = {"page": {"topics": [topic]}, "slots": [{"slot": demo.SLOTS[0]["name"]}]}
    for connection in eyes:
        while True:
            (fill,) = ask(connection, "POST", "/v1/fill", key, page)["fills"]
            if fill["status"] == "filled" and fill["creative"]["advertiser"] == NAME:
                break
            if time.monotonic() > until_s:
                raise Unsafe(f"an edit did not show within {WITHIN_S:.0f} s")
            time.sleep(LOOK_S)
