"""Pages and beacons as they may happen, at random: events for streams, with copies, lateness and everything empty."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from adengine.catalog.nouns import Price, Tier
from adengine.counting.events import Refusal, SlotOutcome
from adengine.counting.metrics import NONE, REFRESH_MAX, Kind
from tests.counting.books import beacon_event, body_of
from tests.counting.builders import NOW_S, a_fill, event_of

SLOTS = {1: 1, 2: 1, 3: 2}
"""Slot -> its site."""
FLIGHTS = (1, 2, 3, 4)
"""Creative n is of flight n."""
PRICES = (Price(model="cpm", micros=12_000_500), Price(model="cpc", micros=250_000), Price(model="flat", micros=1))
HOURS = 30


def events(
    chance: random.Random,
    pages: int,
    *,
    places: Sequence[int] = (0, 7),
    first: int = 1,
    devices: Sequence[int] = (0, 1, 3),
    refreshes: Sequence[int] = (0, 1, REFRESH_MAX),
) -> Iterator[bytes]:
    """The events of so many pages within `HOURS` from `NOW_S` on; first: the number of the first request."""
    for request in range(first, first + pages):
        where = {
            "place": chance.choice(places), "topic": chance.choice((0, 1, 5)), "device": chance.choice(devices),
            "refresh": chance.choice(refreshes),
        }  # fmt: skip
        yield from _page(chance, request, where)


def _page(chance: random.Random, request: int, where: dict[str, int]) -> Iterator[bytes]:
    at_s = NOW_S + chance.randrange(HOURS * 3600)
    site = chance.choice((1, 2))
    slots = [slot for slot, its in SLOTS.items() if its == site] + [0, 0]
    outcomes = tuple(_outcome(chance, slot) for slot in slots)
    capped = tuple(Refusal(slot=slot, flight=chance.choice(FLIGHTS), cap="flight/1d") for slot in slots[:1])
    yield event_of(a_fill(request, *outcomes, at_s=at_s, site=site, capped=capped, **where))
    for pick, outcome in enumerate(outcomes):
        if outcome.flight and chance.random() < 0.8:
            served = {
                "request": request, "pick": pick, "site": site, "slot": outcome.slot, "flight": outcome.flight,
                "creative": outcome.creative, "version": 1, "tier": Tier(outcome.tier), "price": chance.choice(PRICES),
            } | where  # fmt: skip
            yield from _beacons(chance, served, at_s)


def _outcome(chance: random.Random, slot: int) -> SlotOutcome:
    if chance.random() < 0.3:
        return SlotOutcome(slot=slot, reason=chance.choice(("no_match", "all_capped")))
    flight = chance.choice(FLIGHTS)
    return SlotOutcome(slot=slot, flight=flight, creative=flight, version=1, tier=chance.choice(list(Tier)),
                       variant=chance.choice((0, 1, NONE)))  # fmt: skip


def _beacons(chance: random.Random, served: dict[str, object], at_s: int) -> Iterator[bytes]:
    for kind in Kind:
        body = body_of(kind, **served)
        reason = chance.choice(("", "", "", "bot", "late"))
        later_s = at_s + chance.randrange(2000)
        yield beacon_event(body, at_s=later_s, variant=chance.choice((0, 2, NONE)), reason=reason,
                           measurable=kind is Kind.IMPRESSION)  # fmt: skip
        for copy in range(chance.choice((0, 0, 1, 2))):
            first = chance.random() < 0.5  # the store forgot that it had one
            yield beacon_event(body, at_s=later_s + 900 * copy, first=first, reason="" if first else "duplicate")
