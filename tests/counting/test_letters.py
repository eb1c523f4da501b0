"""Dead letters: what could not be read is listed, tried again, and counted once."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, insert

from adengine.cli.events import events
from adengine.counting import letters
from adengine.counting.ledger import Ledger
from adengine.counting.tables import dead_letter
from adengine.store.client import Store
from tests.counting.books import a_consumer, an_impression, append, counted, damage, drain
from tests.counting.builders import NOW_S


def a_letter(n: int, event: bytes) -> dict[str, object]:
    return {"bucket": 1, "epoch": b"e", "ms": NOW_S * 1000, "seq": n, "problem": "of an older version", "event": event}


def test_what_can_be_read_by_now_is_counted_once_and_the_others_stay(valkey: Store, engine: Engine) -> None:
    append(valkey, an_impression(1), b"junk")
    drain(a_consumer(valkey, engine))
    damage(engine, insert(dead_letter).values([a_letter(n, an_impression(n)) for n in (1, 2)]))
    tried = letters.retry(Ledger(engine), NOW_S)
    assert (tried.read, tried.counted, [letter.event for letter in tried.unread]) == (2, 1, [b"junk"])
    assert counted(engine) == 2
    assert [letter.event for letter in Ledger(engine).letters()] == [b"junk"]
    assert letters.retry(Ledger(engine), NOW_S).counted == 0


def test_the_command_lists_and_retries(
    sqlite_engine: Engine, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADENGINE_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("ADENGINE_SECRET_KEY", "a secret of the tests, long enough 0123456789")
    monkeypatch.setenv("ADENGINE_DATA_DIR", str(tmp_path))
    run = CliRunner()
    assert "0 dead letters" in run.invoke(events, ["list"]).output
    damage(
        sqlite_engine, insert(dead_letter).values([a_letter(1, b"junk"), a_letter(2, an_impression(2))])
    )  # fmt: skip
    listed = run.invoke(events, ["list"], env={"COLUMNS": "200"}).output
    assert "of an older version" in listed and "6a 75 6e 6b" in listed and "2 dead letters" in listed
    tried = run.invoke(events, ["retry"], env={"COLUMNS": "200"}).output
    assert "1 read, 1 of their events counted, 1 still cannot be read" in tried and "begins with no format" in tried
    assert "1 dead letter\n" in run.invoke(events, ["list"]).output
    assert counted(sqlite_engine) == 1
