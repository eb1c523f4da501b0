"""What the scripts of the reader log promise, one promise a test, on every store."""

from __future__ import annotations

import pytest

from adengine.caps.claims import LOG_FULL, RECORDS_MAX, RESERVED, UNDONE, Confirmation, Pick, ReaderLog, WireCap
from adengine.caps.records import Seen
from adengine.caps.windows import LIFETIME, PAGE
from adengine.store import keys
from adengine.store.client import Store

RID = b"reader-8"
NOW_S = 1_800_000_000
HOLD_S = 60
DAY_S = 86_400


def a_pick(creative: int = 1, *caps: tuple[int, int, int], flight: int = 1) -> Pick:
    """caps: (level, window, limit)."""
    wire = tuple(WireCap(level=level, window=window, limit=limit, owner=flight) for level, window, limit in caps)
    return Pick(creative=creative, flight=flight, campaign=1, advertiser=1, caps=wire)


def reserve(
    log: ReaderLog,
    *picks: Pick,
    now_s: int = NOW_S,
    view: int = 1,
    hold_s: int = HOLD_S,
    retention_s: int = 8 * DAY_S,
    event: bytes = b"",
    all_or_nothing: bool = False,
) -> list[int]:
    return log.reserve(
        RID, picks, bucket=RID[0], view=view, now_s=now_s, hold_s=hold_s, retention_s=retention_s, event=event,
        all_or_nothing=all_or_nothing,
    )  # fmt: skip


def test_a_hold_counts_until_its_deadline_and_not_after(store: Store) -> None:
    log, pick = ReaderLog(store), a_pick(1, (1, DAY_S, 1))
    assert reserve(log, pick) == [RESERVED]
    assert reserve(log, pick, view=2, now_s=NOW_S + HOLD_S) == [-1]
    assert reserve(log, pick, view=2, now_s=NOW_S + HOLD_S + 1) == [RESERVED]


def test_a_confirmed_impression_counts_from_when_it_was_shown(store: Store) -> None:
    log, pick = ReaderLog(store), a_pick(1, (1, DAY_S, 1))
    reserve(log, pick)
    assert log.confirm(RID, 1, 1, 1, now_s=NOW_S + 50)[0] is Confirmation.CONFIRMED
    assert reserve(log, pick, view=2, now_s=NOW_S + DAY_S + 50) == [-1]
    assert reserve(log, pick, view=2, now_s=NOW_S + DAY_S + 51) == [RESERVED]


def test_a_confirmation_after_the_deadline_is_lapsed_and_a_copy_a_duplicate(store: Store) -> None:
    log = ReaderLog(store)
    reserve(log, a_pick(1), a_pick(2))
    assert log.confirm(RID, 1, 1, 1, now_s=NOW_S + HOLD_S + 1)[0] is Confirmation.LAPSED
    assert log.confirm(RID, 2, 1, 1, now_s=NOW_S + HOLD_S)[0] is Confirmation.CONFIRMED
    assert log.confirm(RID, 2, 1, 1, now_s=NOW_S + HOLD_S)[0] is Confirmation.DUPLICATE
    assert log.confirm(RID, 3, 1, 1, now_s=NOW_S)[0] is Confirmation.LAPSED


def test_a_released_hold_counts_no_more(store: Store) -> None:
    log, pick = ReaderLog(store), a_pick(1, (1, DAY_S, 1))
    reserve(log, pick)
    assert log.release(RID, 1, 1, 1, now_s=NOW_S) is True
    assert log.release(RID, 1, 1, 1, now_s=NOW_S) is False
    assert log.confirm(RID, 1, 1, 1, now_s=NOW_S)[0] is Confirmation.LAPSED
    assert reserve(log, pick, view=2) == [RESERVED]


def test_a_hold_that_has_lapsed_is_not_released_by_the_server_s_clock_either(store: Store) -> None:
    log, long_ago_s = ReaderLog(store), 2_000_000
    reserve(log, a_pick(1), now_s=long_ago_s)
    assert log.release(RID, 1, 1, 1) is False
    assert log.release(RID, 1, 1, 1, now_s=long_ago_s) is True


def test_the_picks_of_one_page_share_their_counters(store: Store) -> None:
    log = ReaderLog(store)
    page = [a_pick(creative, (4, DAY_S, 2)) for creative in (1, 2, 3)]
    assert reserve(log, *page) == [RESERVED, RESERVED, -1]


def test_all_or_nothing_reserves_nothing_when_one_is_refused(store: Store) -> None:
    log = ReaderLog(store)
    page = (a_pick(1), a_pick(2, (2, DAY_S, 1)))
    assert reserve(log, *page, all_or_nothing=True) == [UNDONE, -1]
    assert store.read(("GET", keys.reader_log(RID))) == [None]
    assert reserve(log, page[0], all_or_nothing=True) == [RESERVED]


def test_by_default_each_pick_stands_for_itself(store: Store) -> None:
    log = ReaderLog(store)
    page = (a_pick(1), a_pick(2, (2, DAY_S, 1)))
    assert log.reserve(
        RID, page, bucket=RID[0], view=1, now_s=NOW_S, hold_s=HOLD_S, retention_s=DAY_S
    ) == [RESERVED, -1]  # fmt: skip


def test_a_reader_of_whom_nothing_is_held_leaves_no_trace(store: Store) -> None:
    assert reserve(ReaderLog(store), a_pick(1, (1, DAY_S, 0))) == [-1]
    assert store.read(("EXISTS", keys.reader_log(RID))) == [0]


def test_only_things_of_its_own_level_are_read_from_lifetime_counts() -> None:
    seen = Seen.read(b"", {"7:2:5": 1, "7:1:6": 2}, now_s=NOW_S, view=1)
    assert [seen.things(level) for level in (1, 2, 3)] == [{6}, {5}, set()]


@pytest.mark.parametrize(("dead", "left"), [(31, 65), (32, 33)])
def test_a_log_is_rewritten_when_half_of_it_is_dead_and_not_before(store: Store, dead: int, left: int) -> None:
    """Else each page of a reader who sees a lot would write all of it."""
    log = ReaderLog(store)
    for creative in range(64):
        reserve(log, a_pick(creative), hold_s=1 if creative < dead else HOLD_S)
    reserve(log, a_pick(64), now_s=NOW_S + 2)
    assert store.read(("STRLEN", keys.reader_log(RID))) == [left * 24]


def test_a_wager_that_is_won_is_held_whole_and_tells_nothing(store: Store) -> None:
    log, page = ReaderLog(store, clock=lambda: NOW_S), [a_pick(1, (1, DAY_S, 1)), a_pick(2)]
    assert wager(log, *page) == ([RESERVED, RESERVED], None)
    assert [record.creative for record in log.peek(RID, now_s=NOW_S, view=1).records] == [1, 2]


def test_a_wager_that_is_lost_holds_nothing_and_tells_what_a_peek_would(store: Store) -> None:
    """Also where a lifetime refuses, or the log is full; the event waits for the page that is held."""
    log = ReaderLog(store, clock=lambda: NOW_S)
    life = WireCap(level=2, window=LIFETIME, limit=1, owner=7)
    once = Pick(creative=5, flight=7, campaign=1, advertiser=1, caps=(life,))
    reserve(log, once, a_pick(1, (1, DAY_S, 1)), hold_s=0)
    seen = log.peek(RID, now_s=NOW_S, view=2)
    assert wager(log, a_pick(2), a_pick(1, (1, DAY_S, 1))) == ([UNDONE, -1], seen)
    assert wager(log, once, a_pick(2)) == ([-1, UNDONE], seen)
    assert seen.totals == {"7:2:7": 1} and log.peek(RID, now_s=NOW_S, view=2) == seen
    assert store.read(("EXISTS", keys.stream(RID[0]))) == [0]
    for begin in range(0, RECORDS_MAX, 16):
        reserve(log, *[a_pick(100 + begin + n) for n in range(16)])
    verdicts, told = wager(log, a_pick(3))
    assert verdicts == [LOG_FULL] and told is not None and len(told.records) == RECORDS_MAX


def wager(log: ReaderLog, *picks: Pick) -> tuple[list[int], Seen | None]:
    return log.wager(RID, picks, bucket=RID[0], view=2, hold_s=HOLD_S, retention_s=8 * DAY_S, now_s=NOW_S, event=b"e")


def test_a_page_cap_counts_one_view_and_its_late_slots(store: Store) -> None:
    log, pick = ReaderLog(store), a_pick(1, (1, PAGE, 1))
    assert reserve(log, pick, view=5) == [RESERVED]
    assert reserve(log, pick, view=5) == [-1]
    assert reserve(log, pick, view=6) == [RESERVED]


def test_a_lifetime_cap_outlives_the_log(store: Store) -> None:
    log, pick = ReaderLog(store), a_pick(1, (2, LIFETIME, 2))
    for view in (1, 2):
        assert reserve(log, pick, view=view) == [RESERVED]
        assert log.confirm(RID, 1, 1, view, [(1, 2, 1)], now_s=NOW_S) == (Confirmation.CONFIRMED, [view])
    store.read(("DEL", keys.reader_log(RID)))
    assert reserve(log, pick, view=3, now_s=NOW_S + 30 * DAY_S) == [-1]


def test_without_a_hold_an_impression_counts_at_once(store: Store) -> None:
    log, pick = ReaderLog(store), a_pick(1, (1, DAY_S, 1), (2, LIFETIME, 5))
    assert reserve(log, pick, hold_s=0) == [RESERVED]
    assert reserve(log, pick, view=2, now_s=NOW_S + DAY_S) == [-1]
    assert log.peek(RID, now_s=NOW_S, view=9).totals == {"1:2:1": 1}


def test_a_full_log_refuses_and_dead_records_make_room(store: Store) -> None:
    log = ReaderLog(store)
    for start in range(0, RECORDS_MAX, 16):
        assert reserve(log, *[a_pick(start + n) for n in range(16)]) == [RESERVED] * 16
    assert reserve(log, a_pick(1)) == [LOG_FULL]
    assert reserve(log, a_pick(1), now_s=NOW_S + HOLD_S + 1) == [RESERVED]
    assert store.read(("STRLEN", keys.reader_log(RID))) == [24]


def test_an_impression_as_old_as_the_longest_window_still_counts(store: Store) -> None:
    """Time is whole seconds: what is 60 s old by them may be 59.1 s old."""
    log, pick = ReaderLog(store), a_pick(1, (1, 60, 1))
    assert reserve(log, pick, hold_s=0, retention_s=60) == [RESERVED]
    assert reserve(log, pick, view=2, now_s=NOW_S + 60, retention_s=60) == [-1]
    assert reserve(log, pick, view=2, now_s=NOW_S + 61, retention_s=60) == [RESERVED]


def test_a_day_that_has_not_begun_by_the_stores_clock_counts_the_day_before(store: Store) -> None:
    log, pick = ReaderLog(store), a_pick(1, (1, -(NOW_S + 5), 1))
    assert reserve(log, pick, hold_s=0) == [RESERVED]
    assert reserve(log, pick, view=2, hold_s=0, now_s=NOW_S + 4) == [-1]
    assert reserve(log, pick, view=2, hold_s=0, now_s=NOW_S + 5) == [RESERVED]


def test_the_newest_living_hold_is_confirmed_whatever_has_lapsed_beside_it(store: Store) -> None:
    log = ReaderLog(store)
    for hold_s in (60, 2):
        reserve(log, a_pick(1), hold_s=hold_s)
    assert log.confirm(RID, 1, 1, 1, now_s=NOW_S + 10)[0] is Confirmation.CONFIRMED
    assert log.confirm(RID, 1, 1, 1, now_s=NOW_S + 10)[0] is Confirmation.DUPLICATE


def test_lifetimes_at_one_thing_count_apart_by_their_owners(store: Store) -> None:
    log = ReaderLog(store)
    early, late = (WireCap(level=3, window=LIFETIME, limit=2, owner=owner) for owner in (1, 2))
    reserve(log, Pick(1, 1, 1, 1, (early,)), hold_s=0)
    assert reserve(log, Pick(1, 1, 1, 1, (early, late)), hold_s=0) == [RESERVED]
    assert reserve(log, Pick(1, 1, 1, 1, (late, early))) == [-2]
    assert log.peek(RID, now_s=NOW_S, view=9).totals == {"1:3:1": 2, "2:3:1": 1}


def test_a_log_written_anew_keeps_every_living_record(store: Store) -> None:
    log = ReaderLog(store)
    reserve(log, *[a_pick(creative) for creative in range(1, 17)])
    for creative in (1, 16):
        log.confirm(RID, creative, 1, 1, now_s=NOW_S + 1)
    reserve(log, a_pick(20), now_s=NOW_S + HOLD_S + 1)
    assert store.read(("STRLEN", keys.reader_log(RID))) == [3 * 24]
    seen = log.peek(RID, now_s=NOW_S + HOLD_S + 1, view=1)
    assert [record.creative for record in seen.records] == [1, 16, 20]
    assert reserve(log, a_pick(16, (1, DAY_S, 1)), view=2, now_s=NOW_S + 100) == [-1]


def test_an_idle_log_expires_when_its_last_hold_can_count_no_more(store: Store) -> None:
    log = ReaderLog(store)
    reserve(log, a_pick(1), hold_s=7200, retention_s=60, now_s=0)
    reserve(log, a_pick(2), hold_s=0, retention_s=60, now_s=0)
    kept_s = store.read(("TTL", keys.reader_log(RID)))[0]
    assert 7200 < kept_s <= 7260


def test_the_event_is_appended_once_and_only_when_nothing_was_refused(store: Store) -> None:
    log, pick = ReaderLog(store), a_pick(1, (1, DAY_S, 1))
    reserve(log, pick, event=b"first")
    reserve(log, pick, view=2, event=b"refused")
    log.reserve(None, (), bucket=RID[0], view=0, hold_s=0, retention_s=1, event=b"alone")
    stream, epoch = store.read(("XRANGE", keys.stream(RID[0]), "-", "+"), ("GET", keys.epoch(RID[0])))
    assert [entry[1] for entry in stream] == [[b"e", b"first"], [b"e", b"alone"]]
    assert len(epoch) == 16


def test_a_forgotten_reader_leaves_nothing(store: Store) -> None:
    log = ReaderLog(store)
    reserve(log, a_pick(1, (2, LIFETIME, 5)), hold_s=0)
    assert log.forget(RID) is True
    assert log.forget(RID) is False
    assert log.peek(RID, now_s=NOW_S, view=1).things(1) == set()


def test_a_cut_log_is_read_up_to_its_last_whole_record(valkey: Store) -> None:
    log = ReaderLog(valkey)
    reserve(log, a_pick(7))
    valkey.read(("APPEND", keys.reader_log(RID), b"torn"))
    assert log.peek(RID, now_s=NOW_S, view=1).things(1) == {7}


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_a_cap_counts_at_every_level(store: Store, level: int) -> None:
    log, pick = ReaderLog(store), a_pick(1, (level, DAY_S, 1))
    assert reserve(log, pick) == [RESERVED]
    assert reserve(log, pick, view=2) == [-1]
