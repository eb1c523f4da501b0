"""The bucket streams as the consumer sees them: what stands behind each cursor, and cutting what has been counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adengine.counting.events import Unreadable, read_event
from adengine.counting.ledger import Batch, DeadLetter, Offset, Passage
from adengine.counting.postings import Posting, StreamId, postings
from adengine.store import keys
from adengine.store.client import Script, Store

ENTRIES_PER_BUCKET = 200
"""Of one stream in one reading, so that a busy bucket does not starve the others."""
BATCH_ENTRIES = 5_000
"""Of all buckets in one transaction, about."""
ZERO = StreamId(0, 0)
TRIM = Script.load("counting/trim.lua")


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What stood behind one bucket's cursor."""

    bucket: int
    epoch: bytes | None
    """None: the stream has none, because it does not exist, or was born between our two commands."""
    entries: Sequence[Any]
    """[[id, [field, value, …]], …], ascending."""

    @property
    def is_full(self) -> bool:
        return len(self.entries) >= ENTRIES_PER_BUCKET


def read(store: Store, cursors: Mapping[int, Offset]) -> list[Portion]:
    """A portion of every bucket, from its cursor on or, without one, from the beginning."""
    commands: list[tuple[str | bytes | int, ...]] = []
    for bucket in range(keys.BUCKETS):
        cursor = cursors.get(bucket)
        after = f"({_spelled(cursor.last)}" if cursor else "-"
        commands.append(("GET", keys.epoch(bucket)))
        commands.append(("XRANGE", keys.stream(bucket), after, "+", "COUNT", ENTRIES_PER_BUCKET))
    replies = store.across(commands)
    return [
        Portion(bucket=bucket, epoch=replies[2 * bucket], entries=replies[2 * bucket + 1] or ())
        for bucket in range(keys.BUCKETS)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One bucket's stream as the store describes it."""

    epoch: bytes | None
    last: StreamId
    """The newest id ever given."""
    added: int
    """How many entries it has ever had."""


def standing(store: Store) -> dict[int, Standing]:
    """Every stream that exists, by bucket."""
    exist = store.across([("EXISTS", keys.stream(bucket)) for bucket in range(keys.BUCKETS)])
    there = [bucket for bucket, exists in enumerate(exist) if exists]
    return {
        bucket: _standing(*store.read(("GET", keys.epoch(bucket)), ("XINFO", "STREAM", keys.stream(bucket))))
        for bucket in there
    }


def entries(store: Store, bucket: int, after: StreamId | None = None) -> Iterator[tuple[StreamId, bytes]]:
    """(id, event) of everything in a stream behind `after`, oldest first."""
    begin = f"({_spelled(after)}" if after else "-"
    while True:
        (page,) = store.read(("XRANGE", keys.stream(bucket), begin, "+", "COUNT", ENTRIES_PER_BUCKET))
        for raw_id, fields in page:
            yield stream_id(raw_id), bytes(fields[1])
        if len(page) < ENTRIES_PER_BUCKET:
            return
        begin = f"({page[-1][0].decode()}"


def _standing(epoch: bytes | None, pairs: Sequence[Any]) -> Standing:
    said = dict(zip(pairs[::2], pairs[1::2], strict=True))
    return Standing(epoch=epoch, last=stream_id(said[b"last-generated-id"]), added=said[b"entries-added"])


def give_epoch(store: Store, bucket: int, epoch: bytes) -> None:
    """For a stream whose epoch was deleted by hand; the next event would set one, but there may be none."""
    store.across([("SET", keys.epoch(bucket), epoch, "NX")])


def trim(store: Store, counted: Mapping[int, Offset], horizon_ms: int) -> int:
    """Cuts entries that are both counted and older than `horizon_ms`; how many.

    Exactly, not `~`: an entry must not outlive its id in `seen`, or a reading from the beginning would count it again.
    """
    cut = 0
    for bucket, offset in counted.items():
        keep_from = min(offset.last, StreamId(max(0, horizon_ms), 0))
        cut += store.run(TRIM, [keys.stream(bucket), keys.epoch(bucket)], [offset.epoch, _spelled(keep_from)])
    return cut


def batches(portions: Sequence[Portion]) -> Iterator[Batch]:
    """Whole portions together, at most about `BATCH_ENTRIES` entries each."""
    some: list[Portion] = []
    size = 0
    for portion in portions:
        some.append(portion)
        size += len(portion.entries)
        if size >= BATCH_ENTRIES:
            yield _batch(some)
            some, size = [], 0
    if some:
        yield _batch(some)


def _batch(portions: Sequence[Portion]) -> Batch:
    found: list[Posting] = []
    dead: list[DeadLetter] = []
    passages: dict[int, Passage] = {}
    for portion in portions:
        assert portion.epoch is not None
        ids = [stream_id(raw_id) for raw_id, _ in portion.entries]
        passages[portion.bucket] = Passage(epoch=portion.epoch, entries=ids)
        for entry, (_, fields) in zip(ids, portion.entries, strict=True):
            event = bytes(fields[1])
            try:
                found += postings(read_event(event), portion.bucket, entry)
            except Unreadable as error:
                dead.append(
                    DeadLetter(bucket=portion.bucket, epoch=portion.epoch, ms=entry.ms, seq=entry.seq,
                               problem=str(error), event=event)
                )  # fmt: skip
    return Batch(postings=found, dead=dead, passages=passages)


def stream_id(raw: bytes) -> StreamId:
    """b"1757203200000-3" as numbers, which sort."""
    ms, _, seq = raw.partition(b"-")
    return StreamId(int(ms), int(seq))


def _spelled(entry: StreamId) -> str:
    return f"{entry.ms}-{entry.seq}"
