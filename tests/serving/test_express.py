"""The compiled line answers, holds and counts as the ordinary one, byte for byte."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from adengine import native
from adengine.pacing.claims import Lot
from adengine.pacing.leases import Account
from adengine.places import Gazetteer
from adengine.serving import api
from adengine.serving.answered import Answered
from adengine.serving.fill import Filler
from adengine.serving.request import parse
from adengine.store.client import Store
from adengine.web import request_ids
from tests.pacing.builders import a_sheet
from tests.serving.kiosk import Kiosk
from tests.serving.worlds import World, a_world, pages

PAGES = 40
WORLDS = 60


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all pages of a world."""

    answers: list[bytes]
    fates: list[Any]
    events: list[str]
    logs: dict[bytes, bytes]
    left: list[int]
    """Of each budget."""
    did: list[str]
    """What the compiled line made of each page."""


class Watched:
    """A compiled line that notes what it did."""

    def __init__(self, express: Any) -> None:
        self._express = express
        self.did: list[Any] = []

    def fill(self, *page: Any) -> Any:
        self.did.append(self._express.fill(*page))
        return self.did[-1]


def run(shop: Kiosk, world: World, seed: int) -> Run:
    shop.store.everywhere("FLUSHALL")
    if world.scores:
        shop.sheet = a_sheet(*world.scores, scores=list(world.scores.values()), left=5)
    shop.learnt = world.learnt
    if world.budgeted:
        wants = shop.leases.needs([Account(id_, 5, begun=True) for id_ in world.budgeted], shop.now_s)
        shop.leases.put(wants, [Lot(7, shop.now_s // 5)] * len(wants), time.monotonic())
    filler = shop.filler
    watched = Watched(filler.express) if filler.express is not None else None
    filler.express = watched
    found = [_asked(shop, filler, number, body) for number, body in enumerate(pages(seed, PAGES))]
    logs = [name for reply in shop.store.everywhere("KEYS", "f[ct]:*") for name in reply]
    return Run(
        answers=[answer.body for answer in found],
        fates=[(answer.fates, answer.degraded) for answer in found],
        events=sorted(map(repr, shop.events())),
        logs={name: shop.store.read(("DUMP", name.decode()))[0] for name in logs},
        left=list(shop.leases.numbers),
        did=[type(one).__name__ for one in watched.did] if watched is not None else [],
    )


def _asked(shop: Kiosk, filler: Filler, number: int, body: dict[str, Any]) -> Answered:
    asked = parse(orjson.dumps(body))
    request = request_ids.ulid(shop.now_s * 1000 + number, number.to_bytes(10, "big"))
    return filler.fill(asked, shop.key, api.moment_of(asked, shop.now_s, request))


@pytest.fixture
def shops(valkey: Store, gazetteer: Gazetteer) -> Callable[[World, bool], Kiosk]:
    def opened(world: World, express: bool) -> Kiosk:
        catalogue = {"creatives": world.creatives, "slots": world.slots}
        return Kiosk(valkey, gazetteer, *world.flights, express=express, **catalogue)

    return opened


@pytest.mark.parametrize("seed", range(WORLDS))
def test_every_page_of_a_random_world_is_answered_held_and_counted_alike(
    shops: Callable[[World, bool], Kiosk], seed: int
) -> None:
    world = a_world(seed)
    ordinary, compiled = (run(shops(world, express), world, seed) for express in (False, True))
    for number, (one, other) in enumerate(zip(ordinary.answers, compiled.answers, strict=True)):
        assert one == other, f"page {number}"
    assert (ordinary.fates, ordinary.events) == (compiled.fates, compiled.events)
    assert (ordinary.logs, ordinary.left) == (compiled.logs, compiled.left)


def test_the_compiled_line_takes_what_is_ordinary_and_leaves_the_rest(shops: Callable[[World, bool], Kiosk]) -> None:
    """Of these worlds every fifth has roadblocks or labels, and many slots stay empty for reasons that take a look."""
    did: Counter[str] = Counter()
    for seed in range(WORLDS):
        world = a_world(seed)
        did.update(run(shops(world, True), world, seed).did)
    assert did["Answered"] > WORLDS * PAGES / 3
    assert did["NoneType"] and did["Told"]


def test_slots_of_ever_new_widths_do_not_fill_its_memory(shops: Callable[[World, bool], Kiosk]) -> None:
    known = native.module("express.known")
    assert known is not None
    most = known.SLOTS_MAX + 1
    world = a_world(2)
    compiled, ordinary = (shops(world, express).filler for express in (True, False))
    shop = shops(world, True)
    widths = [100 + width / 8 for width in range(3 * most // 2)]
    for number, width in enumerate(widths):
        body = {"page": {}, "slots": [{"slot": "sidebar", "max_width_px": width, "id": "x"}]}
        answers = [_asked(shop, filler, number, body).document["fills"][0] for filler in (compiled, ordinary)]
        assert answers[0] == answers[1]
    assert compiled.express.slots_kept <= most


def test_a_fault_of_the_compiled_line_costs_a_page_nothing(shops: Callable[[World, bool], Kiosk]) -> None:
    shop = shops(a_world(3), True)
    rid, faults = shop.reader_ids.rid, iter([RuntimeError("a fault")])

    def faulty(site: int, key: str) -> bytes:
        for fault in faults:
            raise fault
        return rid(site, key)

    shop.reader_ids.rid = faulty  # type: ignore[method-assign]
    body = {"reader": {"key": "ann"}, "slots": [{"slot": "sidebar"}]}
    with capture_logs() as logs:
        answer = _asked(shop, shop.filler, 1, body)
    assert answer.decision is not None and answer.degraded is None
    assert [line["event"] for line in logs] == ["compiled_fill_failed"]
