"""The keeper: each chore by its own clock; one that cannot be done keeps no other waiting; the audit is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY
from sqlalchemy import Engine, update
from structlog.testing import capture_logs

from adengine import settings
from adengine.counting.tables import rollup
from adengine.errors import StoreUnavailable
from adengine.serve import keep
from adengine.serve.keep import Chore, chores_of
from adengine.store.client import Store
from tests.counting.books import a_consumer, an_impression, append, damage, drain


@pytest.fixture(autouse=True)
def _a_log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger keeps the configuration of its first use; another test's may have been that."""
    monkeypatch.setattr(keep, "_log", structlog.get_logger("adengine.keep"))


def audits(check: str, verdict: str) -> float:
    return REGISTRY.get_sample_value("adengine_audits_total", {"check": check, "verdict": verdict}) or 0


def test_chores_are_done_when_they_are_due() -> None:
    done: list[str] = []
    chores = [
        Chore("often", 1.0, lambda: done.append("often")),
        Chore("seldom", 10.0, lambda: done.append("seldom"), 5.0),
    ]
    for now_s in range(8):
        keep.turn(chores, now_s)
    assert done.count("often") == 8 and done.count("seldom") == 1


@pytest.mark.parametrize("error", [StoreUnavailable("away"), OSError("full")])
def test_a_chore_that_cannot_be_done_keeps_no_other_waiting(error: Exception) -> None:
    done: list[str] = []

    def fails() -> None:
        raise error

    with capture_logs() as logs:
        keep.turn([Chore("fails", 1.0, fails), Chore("works", 1.0, lambda: done.append("works"))], 0.0)
    assert done == ["works"] and [(log["event"], log["chore"]) for log in logs] == [("keeping_waits", "fails")]


def test_the_audit_is_a_metric_and_a_line_and_a_violation_is_an_error(valkey: Store, sqlite_engine: Engine) -> None:
    append(valkey, an_impression(1))
    drain(a_consumer(valkey, sqlite_engine))
    held, violated = audits("positive", "holds"), audits("positive", "violated")
    with capture_logs() as logs:
        keep.check(sqlite_engine, valkey)
        damage(sqlite_engine, update(rollup).values(n=-5))
        keep.check(sqlite_engine, valkey)
    assert (audits("positive", "holds"), audits("positive", "violated")) == (held + 1, violated + 1)
    assert next(log["violated"] for log in logs if log["event"] == "audited") == []
    errors = {log["check"]: log for log in logs if log["event"] == "audit_violated"}
    assert errors["positive"]["not_positive"] == 1 and errors["positive"]["log_level"] == "error"


@pytest.mark.parametrize(
    ("every_s", "names"), [(0, {"decisions", "readers", "spool"}), (300, {"decisions", "readers", "spool", "audit"})]
)
def test_the_audit_can_be_left_to_the_operator(
    valkey: Store, sqlite_engine: Engine, tmp_path: Path, every_s: int, names: set[str]
) -> None:
    wanted = settings.load({"ADENGINE_DATA_DIR": str(tmp_path), "ADENGINE_AUDIT_EVERY_S": str(every_s)})
    assert {chore.name for chore in chores_of(wanted, valkey, sqlite_engine)} == names
