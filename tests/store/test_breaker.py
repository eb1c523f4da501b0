"""When a store that fails is asked, by an invented clock."""

from adengine.store.breaker import FAILURES_TO_OPEN, PROBE_EVERY_S, Breaker


def an_open_breaker(at_s: float) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(at_s)
    return breaker


def test_a_few_failures_leave_it_closed() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(0)
    assert breaker.admits(0)


def test_failures_count_only_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.failed(0)
        breaker.succeeded()
    assert breaker.admits(0)


def test_while_open_one_caller_probes_at_each_interval() -> None:
    breaker = an_open_breaker(100)
    asked = [100 + n * PROBE_EVERY_S / 10 for n in range(41)]
    admitted = [now_s for now_s in asked if breaker.admits(now_s)]
    assert len(admitted) == 4
    assert admitted[0] == 100 + PROBE_EVERY_S


def test_a_probe_that_succeeds_closes_it_for_everybody() -> None:
    breaker = an_open_breaker(100)
    assert breaker.admits(100 + PROBE_EVERY_S)
    breaker.succeeded()
    assert all(breaker.admits(100 + PROBE_EVERY_S) for _ in range(5))


def test_a_probe_that_fails_puts_the_next_one_off() -> None:
    breaker = an_open_breaker(100)
    breaker.failed(100.9)
    assert not breaker.admits(100 + PROBE_EVERY_S * 1.5)
    assert breaker.admits(100.9 + PROBE_EVERY_S)
