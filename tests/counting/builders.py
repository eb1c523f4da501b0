"""What beacons are made of, with sensible defaults: a_served(held=True)."""

from __future__ import annotations

from typing import Any

from adengine.catalog.nouns import Price, Tier
from adengine.counting.events import Fill, SlotOutcome, fill_event, slot_bytes
from adengine.counting.keyring import KeyRing, key_ring
from adengine.counting.tokens import PURPOSE, Served

SECRET = "a secret of the tests, long enough 0123456789"
NOW_S = 1_757_203_200
CPM_12 = Price(model="cpm", micros=12_000_000)


def a_ring(*older: str, secret: str = SECRET) -> KeyRing:
    return key_ring(PURPOSE, secret, *older)


def a_request(number: int = 1) -> bytes:
    """A request id of 16 bytes; its last byte, the bucket of requests without a reader, is the number's."""
    return b"request-" + number.to_bytes(8, "big")


def a_served(request: int = 1, **fields: Any) -> Served:
    return Served(
        **{
            "issued_s": NOW_S, "request": a_request(request), "pick": 0, "site": 1, "slot": 2, "flight": 3,
            "creative": 4, "version": 5, "tier": Tier.STANDARD, "price": CPM_12, "view": 6, "place": 7, "topic": 8,
        }
        | fields
    )  # fmt: skip


def event_of(fill: Fill) -> bytes:
    """As the stream has it."""
    slots = [slot_bytes(slot) for slot in fill.slots]
    return fill_event(
        fill.request, fill.at_s, fill.site, fill.place, fill.topic, slots, fill.capped, fill.device, fill.refresh
    )


def a_fill(request: int = 1, *slots: SlotOutcome, **fields: Any) -> Fill:
    slots = slots or (SlotOutcome(slot=2, flight=3, creative=4, version=5, tier=Tier.STANDARD),)
    return Fill(
        **{"request": a_request(request), "at_s": NOW_S, "site": 1, "slots": slots, "place": 7, "topic": 8} | fields
    )
