"""The keeper: each chore by its own clock; one that cannot be done keeps no other waiting; the audit is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY
from sqlalchemy import Engine, update
from structlog.testing import capture_logs

from adengine import settings
from adengine.counting.consume import holder_of
from adengine.counting.kept import FOLDER
from adengine.counting.segments import parts
from adengine.counting.tables import event_lines, rollup
from adengine.errors import StoreUnavailable
from adengine.serve import keep
from adengine.serve.keep import Chore, chores_of
from adengine.store.client import Store
from tests.counting.books import a_consumer, an_impression, append, damage, drain, rows


@pytest.fixture(autouse=True)
def _a_log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A logger keeps the configuration of its first use, and the level may have been another test's."""
    before = structlog.get_config()
    structlog.reset_defaults()
    monkeypatch.setattr(keep, "_log", structlog.get_logger("adengine.keep"))
    yield
    structlog.configure(**before)


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


@pytest.mark.parametrize(("every_s", "keep_days", "names"), [(0, 0, set()), (300, 0, {"audit"}), (0, 30, {"events"})])
def test_the_audit_and_events_can_be_left_to_the_operator(
    valkey: Store, sqlite_engine: Engine, tmp_path: Path, every_s: int, keep_days: int, names: set[str]
) -> None:
    given = {"AUDIT_EVERY_S": every_s, "EVENTS_KEEP_DAYS": keep_days, "DATA_DIR": tmp_path}
    wanted = settings.load({f"ADENGINE_{name}": str(value) for name, value in given.items()})
    always = {"decisions", "readers", "spool"}
    assert {chore.name for chore in chores_of(wanted, valkey, sqlite_engine)} == always | names


def test_events_are_written_on_the_machine_that_counts(valkey: Store, sqlite_engine: Engine, tmp_path: Path) -> None:
    here, elsewhere = (
        settings.load({"ADENGINE_DATA_DIR": str(tmp_path / name), "ADENGINE_EVENTS_KEEP_DAYS": "4000"})
        for name in ("here", "elsewhere")
    )
    for wanted in (here, elsewhere):
        wanted.data_dir.mkdir()
    append(valkey, an_impression(1))
    drain(a_consumer(valkey, sqlite_engine, holder=holder_of(here), keeps_events=True))
    keep.keep_events(elsewhere, sqlite_engine)
    assert list(elsewhere.data_dir.iterdir()) == [] and rows(sqlite_engine, event_lines) == 1
    keep.keep_events(here, sqlite_engine)
    assert len(parts(here.data_dir / FOLDER)) == 1 and rows(sqlite_engine, event_lines) == 0
