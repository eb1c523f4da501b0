"""The audit, printed by `python -m adengine audit`: what must be true of the counts at any moment, with its figures.

It may run beside the consumer: what only grows is read in the order that cannot make a healthy system look wrong.
First what the streams have had, then the database in one view, then the streams as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, func, select, union_all

from adengine.counting import seals, streams
from adengine.counting.additions import DAILY
from adengine.counting.events import Unreadable, read_event
from adengine.counting.ledger import SEEN_S, Offset, offsets_of
from adengine.counting.metrics import QUARTER_S, Metric
from adengine.counting.postings import impression_of, postings
from adengine.counting.retention import sums_since_s
from adengine.counting.tables import (
    adjustment,
    consumer_lease,
    dead_letter,
    flight_day,
    hour_seal,
    reached,
    rollup,
    seen,
    stream_offset,
)
from adengine.store.client import Store
from adengine.store.sql import reading

LAG_S_MAX = 5
"""No event waits longer for the rollups."""
AT_ONCE = 500
"""Ids looked up in one query."""
HOUR_S = 3600
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One invariant and what was found of it."""

    name: str
    claim: str
    holds: bool
    figures: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the checks look at."""

    connection: Connection
    """One consistent view."""
    offsets: Mapping[int, Offset]
    before: Mapping[int, streams.Standing]
    """The streams before the view was taken."""
    after: Mapping[int, streams.Standing]
    """The streams after it was taken."""
    store: Store
    since_s: int
    """The earliest quarter whose events are all still in `seen`."""
    now_s: int


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    claim: str
    figures: Callable[[Evidence], dict[str, int]]
    must_be_zero: tuple[str, ...]
    """The figures that are violations."""


def run(engine: Engine, store: Store, *, clock: Callable[[], float] = time.time) -> list[Finding]:
    """Every invariant, in the order of `CHECKS`. Raises `StoreUnavailable` and `DatabaseUnavailable`."""
    before = streams.standing(store)
    with reading(engine) as connection:
        offsets = offsets_of(connection)
        now_s = int(clock())
        evidence = Evidence(
            connection=connection, offsets=offsets, before=before, after=streams.standing(store), store=store,
            since_s=now_s - now_s % QUARTER_S - SEEN_S + HOUR_S, now_s=now_s,
        )  # fmt: skip
        return [_finding(check, evidence) for check in CHECKS]


def _finding(check: Check, evidence: Evidence) -> Finding:
    figures = check.figures(evidence)
    holds = not any(figures[name] for name in check.must_be_zero)
    return Finding(name=check.name, claim=check.claim, holds=holds, figures=figures)


def _sums(evidence: Evidence) -> dict[str, int]:
    """Every cell of (quarter, metric, flight, reason) that has another sum than its events."""
    cell = ("quarter_s", "metric", "flight", "reason")
    summed = select(*(rollup.c[name] for name in cell), rollup.c.n, rollup.c.micros).where(
        rollup.c.quarter_s >= evidence.since_s, rollup.c.metric.in_(BY_EVENT), COUNTED
    )
    counted = select(*(seen.c[name] for name in cell), -seen.c.n, -seen.c.micros).where(
        seen.c.quarter_s >= evidence.since_s, seen.c.metric.in_(BY_EVENT)
    )
    both = union_all(summed, counted).subquery()
    n, micros = func.sum(both.c.n), func.sum(both.c.micros)
    query = select(n, micros).group_by(*(both.c[name] for name in cell)).having((n != 0) | (micros != 0))
    wrong = evidence.connection.execute(query).all()
    return {
        "events": _count(evidence.connection, seen.c.quarter_s >= evidence.since_s, seen.c.metric.in_(BY_EVENT)),
        "counted_but_unknown": sum(max(0, int(row[0])) for row in wrong),
        "known_but_not_counted": sum(max(0, -int(row[0])) for row in wrong),
        "micros_off": sum(abs(int(row[1])) for row in wrong),
    }


def _flights(evidence: Evidence) -> dict[str, int]:
    """Flights whose sums by day are not those of their cells, since the day from which there are any."""
    off, since_s = 0, sums_since_s(evidence.connection)
    for metric, name in DAILY.items():
        cells = select(rollup.c.flight, rollup.c.n).where(
            rollup.c.metric == metric, rollup.c.flight != 0, rollup.c.quarter_s >= since_s, COUNTED
        )
        days = select(flight_day.c.flight, -flight_day.c[name]).where(flight_day.c.day_s >= since_s)
        both = union_all(cells, days).subquery()
        query = select(both.c.flight).group_by(both.c.flight).having(func.sum(both.c.n) != 0)
        off += len(evidence.connection.execute(query).all())
    return {"flights_off": off}


def _reach(evidence: Evidence) -> dict[str, int]:
    """Flights that have shown more to known readers than they have shown at all; readers without a key are unknown."""
    counted = select(flight_day.c.flight, flight_day.c.impressions)
    both = union_all(counted, select(reached.c.flight, -reached.c.impressions)).subquery()
    query = select(both.c.flight).group_by(both.c.flight).having(func.sum(both.c.impressions) < 0)
    return {"flights_over": len(evidence.connection.execute(query).all())}


def _slots(evidence: Evidence) -> dict[str, int]:
    """Slots that pages asked for against fills and empties, by quarter."""
    summed = select(rollup.c.quarter_s, rollup.c.n).where(
        rollup.c.quarter_s >= evidence.since_s, rollup.c.metric.in_((Metric.FILL, Metric.EMPTY)), COUNTED
    )
    asked = select(seen.c.quarter_s, -seen.c.n).where(
        seen.c.quarter_s >= evidence.since_s, seen.c.metric == Metric.PAGE
    )
    both = union_all(summed, asked).subquery()
    off = func.sum(both.c.n)
    wrong = evidence.connection.execute(select(off).group_by(both.c.quarter_s).having(off != 0)).scalars().all()
    pages = _count(evidence.connection, seen.c.quarter_s >= evidence.since_s, seen.c.metric == Metric.PAGE)
    return {"pages": pages, "slots_off": sum(abs(int(n)) for n in wrong)}


def _gross(evidence: Evidence) -> dict[str, int]:
    """All impression beacons that were received against those that count and those that do not, by reason."""
    both = (Metric.IMPRESSION, Metric.INVALID_IMPRESSION)
    received = _count(evidence.connection, seen.c.quarter_s >= evidence.since_s, seen.c.metric.in_(both))
    query = (
        select(rollup.c.metric, rollup.c.reason, func.sum(rollup.c.n))
        .where(rollup.c.quarter_s >= evidence.since_s, rollup.c.metric.in_(both), COUNTED)
        .group_by(rollup.c.metric, rollup.c.reason)
    )
    counts = {reason or "impressions": int(n) for _, reason, n in evidence.connection.execute(query)}
    return {"gross": received, **counts, "difference": received - sum(counts.values())}


def _impressions(evidence: Evidence) -> dict[str, int]:
    """Counted viewables and clicks whose impression does not count. An impression may be a day older than its click."""
    following = select(seen.c.id).where(
        seen.c.quarter_s >= evidence.since_s + DAY_S + HOUR_S,
        seen.c.metric.in_((Metric.VIEWABLE, Metric.MEASURABLE, Metric.CLICK)),
    )
    wanted = [impression_of(bytes(id_)) for id_ in evidence.connection.scalars(following)]
    known = _known(evidence.connection, wanted, seen.c.metric == Metric.IMPRESSION)
    return {"viewables_and_clicks": len(wanted), "without_impression": sum(id_ not in known for id_ in wanted)}


def _kept(evidence: Evidence) -> dict[str, int]:
    """What the streams still keep and the offsets have passed: each event is in `seen`, or a dead letter."""
    wanted: list[bytes] = []
    unreadable = 0
    for bucket, offset in evidence.offsets.items():
        if _is_of(evidence.after, bucket, offset):
            for entry, event in streams.entries(evidence.store, bucket):
                if entry > offset.last:
                    break
                try:
                    found = postings(read_event(event), bucket, entry)
                    wanted += [posting.id for posting in found if posting.quarter_s >= evidence.since_s]
                except Unreadable:
                    unreadable += 1
    known = _known(evidence.connection, wanted)
    dead = int(evidence.connection.scalar(select(func.count()).select_from(dead_letter)) or 0)
    return {
        "kept": len(wanted), "not_counted": sum(id_ not in known for id_ in wanted),
        "dead_letters": dead, "dead_letters_missing": max(0, unreadable - dead),
    }  # fmt: skip


def _cut(evidence: Evidence) -> dict[str, int]:
    """Entries that streams once had and that are neither counted nor waiting: cut, or deleted, too early."""
    added = missing = 0
    for bucket, before in evidence.before.items():
        offset = evidence.offsets.get(bucket)
        if offset is None or not _is_of(evidence.before, bucket, offset):
            offset = Offset(epoch=b"", last=streams.ZERO)
        waiting = sum(1 for _ in streams.entries(evidence.store, bucket, offset.last))
        added += before.added
        missing += max(0, before.added - offset.entries - waiting)
    return {"entries": added, "cut_before_counted": missing}


def _offsets(evidence: Evidence) -> dict[str, int]:
    """Offsets ahead of what their stream ever held, and those written by a consumer that never had the lease."""
    ahead = [
        bucket
        for bucket, offset in evidence.offsets.items()
        if _is_of(evidence.after, bucket, offset) and offset.last > evidence.after[bucket].last
    ]
    fence = evidence.connection.scalar(select(consumer_lease.c.fence)) or 0
    stray = evidence.connection.scalar(
        select(func.count()).select_from(stream_offset).where(stream_offset.c.fence > fence)
    )
    return {"offsets": len(evidence.offsets), "ahead_of_stream": len(ahead), "without_lease": int(stray or 0)}


def _waiting(evidence: Evidence) -> dict[str, int]:
    """Events that are recorded and not yet in the rollups: what a live total has more than they."""
    waiting, oldest_ms = 0, evidence.now_s * 1000
    for bucket in evidence.after:
        offset = evidence.offsets.get(bucket)
        after = offset.last if offset is not None and _is_of(evidence.after, bucket, offset) else None
        for entry, _ in streams.entries(evidence.store, bucket, after):
            waiting += 1
            oldest_ms = min(oldest_ms, entry.ms)
    lag_s = max(0, evidence.now_s - oldest_ms // 1000)
    return {"in_flight": waiting, "oldest_s": lag_s, "late_s": max(0, lag_s - LAG_S_MAX)}


def _positive(evidence: Evidence) -> dict[str, int]:
    cells = evidence.connection.scalar(select(func.count()).select_from(rollup))
    wrong = select(func.count()).select_from(rollup).where((rollup.c.n <= 0) | (rollup.c.micros < 0), COUNTED)
    return {"cells": int(cells or 0), "not_positive": int(evidence.connection.scalar(wrong) or 0)}


def _seals(evidence: Evidence) -> dict[str, int]:
    hours = evidence.connection.scalar(select(func.count()).select_from(hour_seal))
    since_s = sums_since_s(evidence.connection)
    return {"sealed_hours": int(hours or 0), "broken": sum(1 for _ in seals.broken(evidence.connection, since_s))}


COUNTED = rollup.c.adjustment.not_in(select(adjustment.c.id).where(adjustment.c.kind == seals.MADE))
"""Sums of events; what a person added or took away is no event."""
BY_EVENT = tuple(metric for metric in Metric if metric not in (Metric.PAGE, Metric.FILL, Metric.EMPTY, Metric.CAPPED))
"""Metrics of which each unit is an event of its own."""
CHECKS = (
    Check("sums", "each counted event is in its sum exactly once, with its price", _sums,
          ("counted_but_unknown", "known_but_not_counted", "micros_off")),
    Check("slots", "slots asked for = fills + empty", _slots, ("slots_off",)),
    Check("gross", "impression beacons received = impressions + invalid, by reason", _gross, ("difference",)),
    Check("impressions", "what was viewed or clicked has an impression that counts", _impressions,
          ("without_impression",)),
    Check("flights", "what a goal counts is what the sums hold of its flight", _flights, ("flights_off",)),
    Check("reach", "no flight has reached readers more often than it was shown", _reach, ("flights_over",)),
    Check("kept", "what the streams keep and the offsets have passed is counted or a dead letter", _kept,
          ("not_counted", "dead_letters_missing")),
    Check("cut", "nothing was cut from a stream before it was counted", _cut, ("cut_before_counted",)),
    Check("offsets", "no offset is ahead of its stream or written without the lease", _offsets,
          ("ahead_of_stream", "without_lease")),
    Check("waiting", f"no event waits longer than {LAG_S_MAX} s for the sums", _waiting, ("late_s",)),
    Check("positive", "every sum is above nothing", _positive, ("not_positive",)),
    Check("seals", "sealed hours are as they were sealed, one upon the other", _seals, ("broken",)),
)  # fmt: skip


def _count(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    return int(connection.scalar(select(func.count()).select_from(seen).where(*conditions)) or 0)


def _known(connection: Connection, ids: Sequence[bytes], *conditions: ColumnElement[bool]) -> set[bytes]:
    """Those of `ids` that `seen` has."""
    known: set[bytes] = set()
    for begin in range(0, len(ids), AT_ONCE):
        query = select(seen.c.id).where(seen.c.id.in_(ids[begin : begin + AT_ONCE]), *conditions)
        known |= {bytes(id_) for id_ in connection.scalars(query)}
    return known


def _is_of(standing: Mapping[int, streams.Standing], bucket: int, offset: Offset) -> bool:
    """Whether the offset belongs to the stream that stands there now."""
    return bucket in standing and standing[bucket].epoch == offset.epoch
