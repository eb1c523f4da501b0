"""What is forgotten is what the settings say, whole days of sealed hours; the audit stays clean, and sees the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, func, select, update

from adengine import settings
from adengine.counting import audit
from adengine.counting.consume import keeping_of
from adengine.counting.ledger import Ledger
from adengine.counting.metrics import Kind
from adengine.counting.retention import DAY_S, KEEPS, Keeping, sums_since_s
from adengine.counting.tables import dead_letter, flight_day, hour_seal, kept_since, reached, rollup
from adengine.settings import SettingsInvalid
from adengine.store.client import Store
from adengine.store.sql import reading
from tests.counting.books import a_consumer, append, beacon_event, body_of, counted, damage, drain, rows
from tests.counting.builders import NOW_S

DAYS = 12
"""Each has impressions; the last one's hours are not sealed yet."""
KATHMANDU = "Asia/Kathmandu"
"""A quarter of an hour off every hour: its midnights lie within one."""
LAST_S = NOW_S + DAYS * DAY_S


def events() -> Iterator[bytes]:
    for day in range(DAYS):
        for number in range(3):
            served = {"request": 10 * day + number, "flight": 1 + day % 2 if day < 6 else 3, "reader": b"%08d" % number}
            at_s = NOW_S + day * DAY_S + number * 7 * 3600
            yield beacon_event(body_of(Kind.IMPRESSION, issued_s=at_s, **served), at_s=at_s)


def a_ledger(store: Store, engine: Engine, zone: str, **days: int) -> Ledger:
    """Everything counted, sealed as far as it may be."""
    append(store, *events(), b"\xffjunk", ids=tuple(f"{NOW_S * 1000 + n}-0" for n in range(3 * DAYS + 1)))
    consumer = a_consumer(store, engine, keep_s=10**9, clock=lambda: LAST_S)
    consumer._ledger = ledger = Ledger(engine, zone, keeping=Keeping(**days))
    drain(consumer)
    assert consumer._fence is not None
    ledger.renew(consumer._fence, LAST_S, LAST_S)
    while ledger.seal(consumer._fence, LAST_S):
        pass
    return ledger


def forget(ledger: Ledger, now_s: int = LAST_S) -> None:
    fence = ledger.claim("tests", now_s)
    assert fence is not None
    for _ in range(2 * DAYS):
        ledger.prune(fence, now_s)


def violated(engine: Engine, store: Store) -> set[str]:
    return {finding.name for finding in audit.run(engine, store, clock=lambda: LAST_S) if not finding.holds} - {
        "waiting", "kept",
    }  # fmt: skip


def oldest_s(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(select(func.min(rollup.c.quarter_s))) or 0)


@pytest.mark.parametrize("zone", ["UTC", KATHMANDU])
def test_sums_go_by_whole_days_and_the_audit_stays_clean(valkey: Store, engine: Engine, zone: str) -> None:
    ledger = a_ledger(valkey, engine, zone, sums=5)
    sealed, days = rows(engine, hour_seal), rows(engine, flight_day)
    assert violated(engine, valkey) == set()
    forget(ledger)
    with reading(engine) as connection:
        since_s = sums_since_s(connection)
    since = datetime.fromtimestamp(since_s, ZoneInfo(zone))
    assert (since.hour, since.minute) == (0, 0)
    assert since_s <= oldest_s(engine) and LAST_S - 6 * DAY_S < since_s <= LAST_S - 5 * DAY_S
    assert (rows(engine, hour_seal), rows(engine, flight_day)) == (sealed, days), "seals and goals stay"
    assert violated(engine, valkey) == set()


def test_what_is_left_is_still_vouched_for(valkey: Store, engine: Engine) -> None:
    forget(a_ledger(valkey, engine, "UTC", sums=5))
    damage(engine, update(rollup).where(rollup.c.quarter_s == oldest_s(engine)).values(micros=rollup.c.micros + 1))
    assert violated(engine, valkey) == {"seals"}
    damage(engine, update(rollup).where(rollup.c.quarter_s == oldest_s(engine)).values(n=rollup.c.n + 1))
    assert violated(engine, valkey) == {"seals", "flights"}


def test_sums_that_are_lost_are_no_sums_that_were_forgotten(valkey: Store, engine: Engine) -> None:
    forget(a_ledger(valkey, engine, "UTC", sums=5))
    damage(engine, kept_since.delete())
    assert violated(engine, valkey) == {"seals", "flights"}


def test_nothing_is_forgotten_by_default(valkey: Store, engine: Engine) -> None:
    forget(a_ledger(valkey, engine, "UTC"), LAST_S + 1000 * DAY_S)
    assert counted(engine) == 3 * DAYS and rows(engine, dead_letter) == 1 and rows(engine, kept_since) == 0
    assert rows(engine, reached) == 3 * 3


def test_where_nothing_was_counted_nothing_is_forgotten(sqlite_engine: Engine) -> None:
    forget(Ledger(sqlite_engine, "UTC", keeping=Keeping(sums=1)))
    assert rows(sqlite_engine, rollup) == 0


def test_hours_that_are_not_sealed_are_not_forgotten(valkey: Store, sqlite_engine: Engine) -> None:
    ledger = a_ledger(valkey, sqlite_engine, "UTC", sums=5)
    for unsealed in (hour_seal.c.hour_s >= NOW_S + 3 * 3600, hour_seal.c.hour_s >= 0):
        damage(sqlite_engine, hour_seal.delete().where(unsealed))
        forget(ledger)
        assert counted(sqlite_engine) == 3 * DAYS, "nor the day of which some are"


def test_sums_that_come_behind_it_go_too(valkey: Store, sqlite_engine: Engine) -> None:
    ledger = a_ledger(valkey, sqlite_engine, "UTC", sums=5)
    forget(ledger)
    with reading(sqlite_engine) as connection:
        since_s = sums_since_s(connection)
    append(valkey, beacon_event(body_of(Kind.IMPRESSION, request=999), at_s=NOW_S + DAY_S))
    drain(a_consumer(valkey, sqlite_engine, clock=lambda: LAST_S))
    assert violated(sqlite_engine, valkey) == set()
    forget(ledger)
    with reading(sqlite_engine) as connection:
        assert sums_since_s(connection) == since_s <= oldest_s(sqlite_engine)
    assert violated(sqlite_engine, valkey) == set()


def test_a_flights_reach_goes_at_once_after_its_last_day(valkey: Store, engine: Engine) -> None:
    """Flights 1 and 2 had their last impressions on the fifth and sixth day, flight 3 goes on."""
    ledger = a_ledger(valkey, engine, "UTC", reach=7)
    forget(ledger, NOW_S + 12 * DAY_S)
    assert reaches(engine) == {2: 3, 3: 3}
    forget(ledger, NOW_S + 13 * DAY_S)
    assert reaches(engine) == {3: 3}


def reaches(engine: Engine) -> dict[int, int]:
    with reading(engine) as connection:
        query = select(reached.c.flight, func.count()).group_by(reached.c.flight)
        return {row.flight: row[1] for row in connection.execute(query)}


@pytest.mark.parametrize(("after_days", "left"), [(3, 1), (4, 0)])
def test_unreadable_events_go_when_they_are_old(valkey: Store, engine: Engine, after_days: int, left: int) -> None:
    ledger = a_ledger(valkey, engine, "UTC", letters=3)
    forget(ledger, NOW_S - NOW_S % DAY_S + after_days * DAY_S)
    assert rows(engine, dead_letter) == left


@pytest.mark.parametrize("keep", KEEPS, ids=lambda keep: keep.field)
def test_each_is_set_in_days_or_for_good(keep: object) -> None:
    name = keep.setting  # type: ignore[attr-defined]
    environ = f"ADENGINE_{name.upper()}"
    assert keeping_of(settings.load({})) == Keeping()
    assert keeping_of(settings.load({environ: "400"})) == Keeping(**{keep.field: 400})  # type: ignore[attr-defined]
    for wrong in ("1", "40001", "-1"):
        with pytest.raises(SettingsInvalid, match=environ):
            settings.load({environ: wrong})
