"""Eight processes on the same two readers never pass a cap, and a saturating run ends exactly at it; on every store."""

import pytest

from adengine.store.client import connect
from tests import stores
from tests.caps.defences import Defence
from tests.caps.hammer import DAY_CAP, HOLD_S, READERS, SCRIPTS, Result, hammer

SEED = 20261123
SHORT_S, LONG_S = 2, 60
TRIES = 5
"""A machine that has other things to do shows few pages in a short run."""
FAST = 20
"""A short run sees forty seconds of windows."""
SATURATING_S = 1
ADVERTISERS = 3


DEFENCES = (
    Defence("holds count", "pending or ts >= counter.since then", "not pending and ts >= counter.since then"),
    Defence("a lapsed hold is not confirmed", "mark == held and ts >= now_s", "mark == held"),
    Defence("a copy is not confirmed", "mark == held and ts >= now_s", "(mark == held or mark == confirmed)"),
    Defence("an impression counts from when it is shown, not reserved", "log_key, at, struct.pack('>I4', now_s)",
            f"log_key, at, struct.pack('>I4', struct.unpack('>I4', log, at + 1) - {HOLD_S})"),
    Defence("the picks of a page share their counters", "each_counter(ids, add_one)\n", "\n"),
    Defence("a window lasts its whole seconds", "return now - window end", "return now - window + 2 end"),
    Defence("a day begins at midnight", "return -window\n", "return now\n"),
    Defence("lifetimes are looked up", "lifetimes[i].n = lifetimes[i].n + ", "lifetimes[i].n = 0 * "),
    Defence("lifetimes are added to", "totals_key, args[a] ..", "totals_key, 'x' .. args[a] .."),
    Defence("a page is one view", "if of_view then", "if false then"),
)  # fmt: skip


def hit_enough(result: Result) -> bool:
    return result.pages > 100 and all(len(result.shown[reader]) > 20 for reader in READERS)


def assert_no_window_is_over(store_url: str, seconds: float, speed: int = 1) -> None:
    """No run passes a cap, and the last one showed enough to say so: a run that showed little is run again, longer."""
    for longer in range(1, TRIES + 1):
        result = hammer(store_url, seconds=longer * seconds, seed=SEED, speed=speed)
        assert result.violations() == []
        if hit_enough(result):
            return
    raise AssertionError("the hammer hit nothing")


def test_no_window_is_ever_over_its_cap(store_url: str) -> None:
    assert_no_window_is_over(store_url, SHORT_S, FAST)


def test_a_saturating_run_ends_exactly_at_the_cap(store_url: str) -> None:
    result = hammer(store_url, seconds=SATURATING_S, seed=SEED, speed=FAST, saturate=True)
    assert result.violations() == []
    assert result.per_advertiser() == [DAY_CAP] * ADVERTISERS * len(READERS)


@pytest.mark.proof
def test_a_minute_of_hammering_passes_no_cap(store_url: str) -> None:
    assert_no_window_is_over(store_url, LONG_S)


@pytest.mark.parametrize("defence", DEFENCES, ids=str)
def test_the_checker_sees_what_a_missing_defence_lets_through(valkey_url: str, defence: Defence) -> None:
    stores.empty(connect(valkey_url, timeout_ms=stores.PATIENT_MS))
    scripts = defence.removed_from(SCRIPTS)
    runs = (
        hammer(valkey_url, seconds=(n + 1) * SHORT_S, seed=SEED + n, speed=FAST, scripts=scripts) for n in range(TRIES)
    )
    assert any(run.violations() for run in runs)
