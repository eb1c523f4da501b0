"""What an event adds to the sums, and under which id it is judged. Pure.

An event that the record script took for the first of its kind is judged by (request, pick, kind): another copy of it,
from wherever, has the same id. Every further copy is an occurrence of its own, judged by its place in the stream, so
that reading the stream again does not count it twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from adengine.counting.events import Beacon, Fill, SlotOutcome
from adengine.counting.metrics import COUNTED, INVALID, NONE, QUARTER_S, Kind, Metric

BITS_PER_PICK = 8
MEASURABLE_BIT = 3
PER_MILLE = 1000
_OCCURRENCE = struct.Struct(">HQQ")


class Cell(NamedTuple):
    """The key of a row of `rollup`, in the order of its columns."""

    quarter_s: int
    metric: Metric
    site: int
    slot: int
    flight: int
    creative: int
    version: int
    variant: int
    tier: int
    place: int
    topic: int
    device: int
    refresh: int
    reason: str


ADDED = ("device", "refresh")
"""Of a cell, what came later than the rest: 0 in all sums of before, and not in seals, lines and files of before."""


class Sum(NamedTuple):
    n: int
    micros: int


@dataclass(frozen=True, slots=True)
class Posting:
    """One row of `seen` and what it adds to `rollup` if it is new there."""

    id: bytes
    quarter_s: int
    metric: Metric
    flight: int
    reason: str
    sum: Sum
    adds: tuple[tuple[Cell, Sum], ...]
    at_s: int
    leased: int | None = None
    """Of an impression that counts: as in `tokens.Served`."""
    reader: bytes | None = None
    """The same: whom it reached, 8 bytes."""


class StreamId(NamedTuple):
    """An entry's id: the store's clock in ms, and a number within the ms."""

    ms: int
    seq: int


def postings(event: Beacon | Fill, bucket: int, entry: StreamId) -> Iterator[Posting]:
    """Everything that `event` adds; entry: where it stands in the stream of `bucket`."""
    if isinstance(event, Fill):
        yield _of_fill(event)
        return
    yield _of_beacon(event, bucket, entry)
    if event.is_measurable:
        yield _measurable(event)


def charge_micros(kind: Kind, model: str, price_micros: int, event_id: bytes) -> int:
    """What one counted event costs, in whole micros.

    A thousandth of a cpm price is not always whole: its fraction decides, by the event's id, between the two nearest
    micros, so that every sum of every grouping is whole and agrees with its parts. Exact for multiples of 1000 micros;
    otherwise n impressions are charged right to about √n/2 micros. Flat prices are not charged by event.
    """
    if kind is Kind.CLICK and model == "cpc":
        return price_micros
    if kind is not Kind.IMPRESSION or model != "cpm":
        return 0
    whole, fraction = divmod(price_micros, PER_MILLE)
    lot = int.from_bytes(blake2b(event_id, digest_size=8).digest(), "big") % PER_MILLE if fraction else 0
    return whole + (lot < fraction)


def _of_beacon(beacon: Beacon, bucket: int, entry: StreamId) -> Posting:
    served, kind = beacon.served, beacon.kind
    event_id = _event_id(served.request, served.pick, kind) if beacon.is_first else _OCCURRENCE.pack(bucket, *entry)
    if beacon.reason:
        return _single(beacon, event_id, INVALID[kind], 0)
    price = served.price
    return _single(beacon, event_id, COUNTED[kind], charge_micros(kind, price.model, price.micros, event_id))


def _measurable(beacon: Beacon) -> Posting:
    served = beacon.served
    return _single(beacon, _event_id(served.request, served.pick, MEASURABLE_BIT), Metric.MEASURABLE, 0)


def impression_of(event_id: bytes) -> bytes:
    """The id of the impression that a viewable, measurable or click belongs to."""
    pick = event_id[-1] // BITS_PER_PICK
    return _event_id(event_id[:-1], pick, Kind.IMPRESSION)


def _event_id(request: bytes, pick: int, bit: int) -> bytes:
    """17 bytes; a fill's own id has 16 and an occurrence's 18, so that none can be taken for another."""
    return request + bytes([pick * BITS_PER_PICK + bit])


def _single(beacon: Beacon, event_id: bytes, metric: Metric, micros: int) -> Posting:
    served = beacon.served
    quarter_s = _quarter(beacon.at_s)
    cell = Cell(
        quarter_s, metric, served.site, served.slot, served.flight, served.creative, served.version, beacon.variant,
        served.tier, served.place, served.topic, served.device, served.refresh, beacon.reason,
    )  # fmt: skip
    one = Sum(1, micros)
    leased, reader = (served.leased, served.reader) if metric is Metric.IMPRESSION else (None, None)
    return Posting(
        event_id, quarter_s, metric, served.flight, beacon.reason, one, ((cell, one),), beacon.at_s, leased, reader
    )


def _of_fill(fill: Fill) -> Posting:
    quarter_s, one = _quarter(fill.at_s), Sum(1, 0)
    slots = [(_slot_cell(fill, quarter_s, slot), one) for slot in fill.slots]
    capped = [
        (Cell(quarter_s, Metric.CAPPED, fill.site, refusal.slot, refusal.flight, 0, 0, NONE, NONE, fill.place,
              fill.topic, fill.device, fill.refresh, refusal.cap), one)
        for refusal in fill.capped
    ]  # fmt: skip
    return Posting(fill.request, quarter_s, Metric.PAGE, 0, "", Sum(len(fill.slots), 0), (*slots, *capped), fill.at_s)


def _slot_cell(fill: Fill, quarter_s: int, slot: SlotOutcome) -> Cell:
    return Cell(
        quarter_s, Metric.FILL if slot.flight else Metric.EMPTY, fill.site, slot.slot, slot.flight, slot.creative,
        slot.version, slot.variant, slot.tier, fill.place, fill.topic, fill.device, fill.refresh, slot.reason,
    )  # fmt: skip


def _quarter(at_s: int) -> int:
    return at_s - at_s % QUARTER_S
