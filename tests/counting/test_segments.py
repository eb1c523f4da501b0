"""Events as files: each in one of them, their sums are the rollups', whoever is killed wherever."""

from __future__ import annotations

import os
import random
import re
import shutil
import threading
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from adengine.counting import kept, letters, segments, streams
from adengine.counting.kept import COLUMNS, DAY_S, HOUR_S, Part, part_of, standing, taken
from adengine.counting.ledger import Ledger, Passage
from adengine.counting.segments import CLOSED_S, TAKEN_MAX, parts
from adengine.counting.tables import dead_letter, event_lines, stream_offset
from adengine.store.client import Store
from adengine.store.sql import reading
from tests.counting import happened
from tests.counting.books import (
    a_consumer,
    a_fills_event,
    an_impression,
    append,
    counted,
    damage,
    drain,
    of_files,
    of_rollups,
    rows,
)  # fmt: skip
from tests.counting.builders import NOW_S

KEEP_DAYS = 30
LONG_AFTER_S = NOW_S + happened.HOURS * HOUR_S + DAY_S
TEXT = (Path(__file__).resolve().parents[2] / "docs/counting.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / kept.FOLDER


def count(store: Store, engine: Engine) -> None:
    drain(a_consumer(store, engine, keeps_events=True))


def test_files_add_up_to_the_rollups(store: Store, engine: Engine, folder: Path) -> None:
    chance = random.Random(3)
    for turn in range(3):
        for bucket in range(4):
            some = list(happened.events(chance, 20, first=100 * turn + 20 * bucket + 1))
            append(store, *some, *some[::3], bucket=bucket)
        count(store, engine)
        damage(engine, stream_offset.delete())
        count(store, engine)
        segments.keep(engine, folder, NOW_S + turn * DAY_S, KEEP_DAYS)
    assert rows(engine, event_lines) == 0 and len(parts(folder)) > happened.HOURS
    assert of_files(folder) == of_rollups(engine) != Counter()
    files = f"FROM '{folder}/*/*.parquet'"
    assert (
        duckdb.sql(f"SELECT count(*) {files}").fetchall()
        == duckdb.sql(f"SELECT count(*) FROM (SELECT DISTINCT * {files})").fetchall()
    )


def test_a_file_and_its_name_are_on_the_disk_before_its_lines_leave_the_database(
    valkey: Store, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power that goes takes whatever was not synced: the file, its name in its folder, that folder's own name."""
    append(valkey, an_impression(1))
    count(valkey, engine)
    synced: list[Path] = []
    sync = os.fsync

    def noted(handle: int) -> None:
        assert rows(engine, event_lines) > 0
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    segments.keep(engine, folder, NOW_S, KEEP_DAYS)
    assert rows(engine, event_lines) == 0
    (part,) = parts(folder)
    file = folder / part.name
    assert {path.stat().st_mode & 0o777 for path in (folder, file.parent)} == {0o700}, (
        "events are nobody else's to read"
    )
    assert [path.with_suffix("") for path in synced] == [folder, file.with_suffix(""), file.parent]


def test_what_was_not_committed_is_in_no_file(valkey: Store, engine: Engine, folder: Path) -> None:
    append(valkey, an_impression(1), a_fills_event(1))
    ledger = Ledger(engine, keeps_events=True)
    fence = ledger.claim("tests", NOW_S)
    assert fence is not None
    (batch,) = streams.batches([portion for portion in streams.read(valkey, {}) if portion.entries])
    nowhere = Passage(epoch=None, entries=batch.passages[0].entries)  # type: ignore[arg-type]  # its column takes no null
    with pytest.raises(IntegrityError):
        ledger.post(replace(batch, passages={0: nowhere}), fence, NOW_S)
    assert segments.keep(engine, folder, NOW_S, KEEP_DAYS) == 0
    ledger.post(batch, fence, NOW_S)
    segments.keep(engine, folder, NOW_S, KEEP_DAYS)
    assert of_files(folder) == of_rollups(engine) != Counter()


def test_a_keeper_killed_before_it_deleted_writes_the_same_again_and_more(
    valkey: Store, engine: Engine, folder: Path
) -> None:
    append(valkey, an_impression(1))
    count(valkey, engine)
    with reading(engine) as connection:
        before = [dict(row) for row in connection.execute(select(event_lines)).mappings()]
    segments.keep(engine, folder, NOW_S, KEEP_DAYS)
    (first,) = parts(folder)
    damage(engine, insert(event_lines).values(before))
    append(valkey, an_impression(2))
    count(valkey, engine)
    segments.keep(engine, folder, NOW_S, KEEP_DAYS)
    (both,) = parts(folder)
    assert both.holds(first) and both != first
    assert of_files(folder) == of_rollups(engine) and counted(engine) == 2


def test_a_closed_hour_is_one_file_and_stays_one_when_something_comes_late(
    valkey: Store, sqlite_engine: Engine, folder: Path
) -> None:
    for number in range(3):
        append(valkey, an_impression(number))
        count(valkey, sqlite_engine)
        segments.keep(sqlite_engine, folder, NOW_S + CLOSED_S - 1, KEEP_DAYS)
    apart = parts(folder)
    assert len(apart) == 3, "somebody may still write"
    copies = {part: (folder / part.name).read_bytes() for part in apart}
    assert segments.keep(sqlite_engine, folder, NOW_S + CLOSED_S, KEEP_DAYS) == 1
    (whole,) = parts(folder)
    for part, text in copies.items():  # the keeper was killed before it took them away
        (folder / part.name).write_bytes(text)
    (folder / whole.name).with_suffix(segments.DRAFT).write_bytes(b"and in the middle of another")
    assert standing(parts(folder)) == [whole]
    assert segments.keep(sqlite_engine, folder, NOW_S + CLOSED_S, KEEP_DAYS) == 0 and parts(folder) == [whole]
    append(valkey, an_impression(9))
    count(valkey, sqlite_engine)
    segments.keep(sqlite_engine, folder, NOW_S + DAY_S, KEEP_DAYS)
    assert len(parts(folder)) == 1 and of_files(folder) == of_rollups(sqlite_engine) and counted(sqlite_engine) == 4
    assert [path.name for path in folder.glob("*/*")] == [Path(parts(folder)[0].name).name]


def test_a_busy_hour_is_taken_in_pieces(valkey: Store, sqlite_engine: Engine, folder: Path) -> None:
    append(valkey, an_impression(1))
    count(valkey, sqlite_engine)
    with reading(sqlite_engine) as connection:
        lines = connection.scalar(select(event_lines.c.lines))
    damage(sqlite_engine, insert(event_lines).values([{"hour_s": NOW_S, "lines": lines}] * TAKEN_MAX))
    assert segments.keep(sqlite_engine, folder, NOW_S, KEEP_DAYS) == 2
    assert duckdb.sql(f"SELECT count(*) FROM '{folder}/*/*.parquet'").fetchall() == [(TAKEN_MAX + 1,)]
    assert rows(sqlite_engine, event_lines) == 0


def test_the_keeper_comes_to_an_end_while_events_go_on_coming(
    valkey: Store, sqlite_engine: Engine, folder: Path
) -> None:
    append(valkey, an_impression(1))
    count(valkey, sqlite_engine)
    with reading(sqlite_engine) as connection:
        lines = connection.scalar(select(event_lines.c.lines))
    done = threading.Event()

    def go_on() -> None:
        while not done.is_set():
            damage(sqlite_engine, insert(event_lines).values(hour_s=NOW_S, lines=lines))

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        assert segments.keep(sqlite_engine, folder, NOW_S, KEEP_DAYS) == 1
    finally:
        done.set()
        writer.join()
    segments.keep(sqlite_engine, folder, NOW_S, KEEP_DAYS)
    assert rows(sqlite_engine, event_lines) == 0 and len(parts(folder)) == 2


def test_a_dead_letter_that_can_be_read_is_kept_too(valkey: Store, engine: Engine, folder: Path) -> None:
    append(valkey, an_impression(1))
    count(valkey, engine)
    letter = {"bucket": 1, "epoch": b"e", "ms": NOW_S * 1000, "problem": "of an older version"}
    damage(engine, insert(dead_letter).values([letter | {"seq": n, "event": an_impression(n)} for n in (1, 2)]))
    assert letters.retry(Ledger(engine, keeps_events=True), NOW_S).counted == 1
    segments.keep(engine, folder, NOW_S, KEEP_DAYS)
    assert of_files(folder) == of_rollups(engine) and counted(engine) == 2


def test_when_events_are_not_kept_nothing_is_written(valkey: Store, engine: Engine) -> None:
    append(valkey, an_impression(1), a_fills_event(1))
    drain(a_consumer(valkey, engine))
    assert counted(engine) == 1 and rows(engine, event_lines) == 0


def test_old_hours_are_dropped_with_their_days(valkey: Store, sqlite_engine: Engine, folder: Path) -> None:
    append(valkey, *(an_impression(n, at_s=NOW_S + n * DAY_S) for n in range(3)))
    count(valkey, sqlite_engine)
    segments.keep(sqlite_engine, folder, NOW_S + 3 * DAY_S, 3)
    assert [part.hour_s for part in parts(folder)] == [NOW_S + n * DAY_S for n in range(3)]
    segments.keep(sqlite_engine, folder, NOW_S + 3 * DAY_S + HOUR_S, 3)
    assert [part.hour_s for part in parts(folder)] == [NOW_S + n * DAY_S for n in (1, 2)]
    segments.keep(sqlite_engine, folder, NOW_S + 9 * DAY_S, 3)
    assert list(folder.iterdir()) == []


def test_two_databases_may_share_a_folder(valkey: Store, sqlite_engine: Engine, folder: Path) -> None:
    """As when a database was lost and another one begins, with numbers that were there before."""
    append(valkey, an_impression(1))
    count(valkey, sqlite_engine)
    segments.keep(sqlite_engine, folder, NOW_S, KEEP_DAYS)
    (mine,) = parts(folder)
    other = replace(mine, database="abcd0123", last=mine.last + 5)
    shutil.copy(folder / mine.name, folder / other.name)
    append(valkey, an_impression(2))
    count(valkey, sqlite_engine)
    segments.keep(sqlite_engine, folder, LONG_AFTER_S, KEEP_DAYS)
    assert {part.database for part in parts(folder)} == {mine.database, other.database}
    assert sum(of_files(folder).values()) == 3 * (1 + 12_000)


@pytest.mark.parametrize("hour_s", [0, NOW_S, NOW_S + 23 * HOUR_S, 2**32 - 2**32 % HOUR_S])
def test_a_files_name_says_what_it_holds(hour_s: int) -> None:
    part = Part(hour_s=hour_s, database="0123abcd", first=7, last=10**13)
    assert part_of(part.name) == part and part_of(part.name + ".part") is None and part_of("date=x/1.parquet") is None


def test_superseded_files_are_told_by_their_names() -> None:
    def part(first: int, last: int, hour: int = 0, database: str = "0" * 8) -> Part:
        return Part(hour_s=hour * HOUR_S, database=database, first=first, last=last)

    whole, later = part(1, 9), part(12, 12)
    inside = [part(1, 3), part(1, 1), part(4, 9), part(7, 7)]
    elsewhere = [part(2, 3, hour=1), part(2, 3, database="f" * 8)]
    assert set(standing([*inside, whole, later, *elsewhere, whole])) == {whole, later, *elsewhere}
    assert taken([*inside, whole, *elsewhere], "0" * 8) == {0: 9, HOUR_S: 3}


def test_anybody_reads_the_documented_columns(valkey: Store, sqlite_engine: Engine, folder: Path) -> None:
    append(valkey, a_fills_event(1), an_impression(1, at_s=NOW_S + 1234))
    count(valkey, sqlite_engine)
    segments.keep(sqlite_engine, folder, NOW_S + DAY_S, KEEP_DAYS)
    (part,) = parts(folder)
    read = duckdb.sql(f"SELECT * EXCLUDE (date) FROM '{folder / part.name}'")
    section = TEXT.split("## Events as files\n")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| ([A-Z]+) \|", section, re.M)
    assert list(zip(read.columns, map(str, read.types), strict=True)) == documented == list(COLUMNS.items())
    fill, impression = (dict(zip(read.columns, row, strict=True)) for row in read.fetchall())
    assert impression["event"].startswith(fill["event"]) and len(fill["event"]) == 32
    assert impression | {"event": "", "time": impression["time"].isoformat()} == {
        "event": "", "time": "2025-09-07T00:20:34", "at_s": NOW_S + 1234, "quarter_s": NOW_S + 900,
        "metric": "impression", "site": 1, "slot": 2, "flight": 3, "creative": 4, "version": 5, "variant": 255,
        "tier": 1, "place": 7, "topic": 8, "device": 0, "refresh": 0, "reason": "", "n": 1, "micros": 12_000,
    }  # fmt: skip


def test_a_draft_that_was_left_behind_is_dropped(valkey: Store, sqlite_engine: Engine, folder: Path) -> None:
    append(valkey, an_impression(1))
    count(valkey, sqlite_engine)
    segments.keep(sqlite_engine, folder, LONG_AFTER_S, KEEP_DAYS)
    (day,) = folder.iterdir()
    (day / f"13-x{segments.DRAFT}").write_bytes(b"half of a file")
    assert segments.keep(sqlite_engine, folder, LONG_AFTER_S, KEEP_DAYS) == 0
    assert [path.suffix for path in day.iterdir()] == [segments.SEGMENT]


def test_what_duckdb_cannot_do_waits_for_the_next_time(valkey: Store, sqlite_engine: Engine, folder: Path) -> None:
    append(valkey, an_impression(1))
    count(valkey, sqlite_engine)
    with reading(sqlite_engine) as connection:
        (lines,) = connection.scalars(select(event_lines.c.lines))
    damage(sqlite_engine, event_lines.update().values(lines=zlib.compress(b"no JSON\n")))
    with pytest.raises(OSError, match="DuckDB"):
        segments.keep(sqlite_engine, folder, LONG_AFTER_S, KEEP_DAYS)
    damage(sqlite_engine, event_lines.update().values(lines=lines))
    assert segments.keep(sqlite_engine, folder, LONG_AFTER_S, KEEP_DAYS) == 1
    assert of_files(folder) == of_rollups(sqlite_engine)


def test_rows_are_taken_until_they_are_many_bytes(
    valkey: Store, sqlite_engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        append(valkey, an_impression(number))
        count(valkey, sqlite_engine)
    monkeypatch.setattr(segments, "TAKEN_BYTES", 1)
    assert segments.keep(sqlite_engine, folder, NOW_S, KEEP_DAYS) == 3
    assert of_files(folder) == of_rollups(sqlite_engine)


def test_files_are_listed_until_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Part(hour_s=0, database="d" * 8, first=1, last=1)
    new = replace(old, last=2)
    seen_then = iter([{old}, set(), {new}, {new}])
    monkeypatch.setattr(segments, "_listed", lambda _: next(seen_then))
    assert parts(tmp_path) == [new]
