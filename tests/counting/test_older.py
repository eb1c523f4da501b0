"""What an engine from before devices and refreshes has left counts on, as not known and as a first fill."""

from __future__ import annotations

import random
import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from adengine.counting import kept, seals, segments
from adengine.counting.events import Refusal, SlotOutcome, read_event
from adengine.counting.metrics import Kind
from adengine.counting.postings import ADDED
from adengine.counting.seals import AFTER_S, HOUR_S, NOTHING_BEFORE
from adengine.counting.tables import event_lines, hour_seal, rollup
from adengine.counting.tokens import Served, TokenMinter, TokenReader
from adengine.store import schema, sql
from adengine.store.client import Store
from tests.counting import happened
from tests.counting.books import a_consumer, an_impression, append, damage, drain, of_files, of_rollups
from tests.counting.builders import NOW_S, a_fill, a_ring, a_served
from tests.counting.test_seals import sealed

BEFORE = "0010"
"""The last revision of the schema without devices."""
TOKENS = {
    "ELsxWGi8ywByZXF1ZXN0LQAAAAAAAAABAAAAAQAAAAIAAAADAAAABAAFAQAAAAcAAAAIAAC3GwBhIHJlYWRlcgAAAAboCmB5uEpuIwFOqJhJnKqI":
        a_served(variant=1, reader=b"a reader", held=True, leased=NOW_S // 5 - 2, pick=3),
    "ELsAEGi8ywByZXF1ZXN0LQAAAAAAAAABAAAAAQAAAAIAAAADAAAABAAF_wAAAAcAAAAIAAC3GwAAAAAAAAAAAAAAAAaEj0IEZdd18TS5cu0NhO0D":
        a_served(),
    "ELsEEGi8ywByZXF1ZXN0LQAAAAAAAAABAAAAAQAAAAIAAAADAAAABAAFBwAAAAcAAAAIAAC3GwAAAAAAAAAAAAAAAAbvTwyntMvtIb0BPxPOyKvy":
        a_served(brief=True, variant=7),
}  # fmt: skip
"""Impressions' tokens that such an engine has minted, and what they say."""
FILL = bytes.fromhex(
    "02726571756573742d000000000000000168bccb00000000010000000700000008020001000000020000000300000004000501010000000000"
    "00000000000000000000ffff0c756e6b6e6f776e5f736c6f74000000020000000909666c696768742f3164"
)
MINTER, READER = TokenMinter(a_ring()), TokenReader(a_ring())


@pytest.mark.parametrize(("text", "served"), TOKENS.items())
def test_tokens_are_read_and_minted_alike_as_long_as_there_is_nothing_to_add(text: str, served: Served) -> None:
    opened = READER.read(text, Kind.IMPRESSION)
    assert (opened.served, opened.reason) == (served, "") and (served.device, served.refresh) == (0, 0)
    assert MINTER.mint(served)[Kind.IMPRESSION] == text


@pytest.mark.parametrize("served", TOKENS.values())
def test_an_older_worker_finds_all_but_the_variant_where_it_was(served: Served) -> None:
    plain = READER.read(MINTER.mint(served)[0], Kind.IMPRESSION).body
    for device in range(7):
        for refresh in range(4):
            added = served._replace(device=device, refresh=refresh)
            body = READER.read(MINTER.mint(added)[0], Kind.IMPRESSION).body
            changed = {at: old ^ new for at, (old, new) in enumerate(zip(plain, body, strict=True)) if old != new}
            assert changed.pop(2, 8) == 8, "beside the pick, a bit that nobody looked at"
            assert changed.keys() <= {42}


def test_a_fills_event_is_read() -> None:
    assert read_event(FILL) == a_fill(
        1,
        SlotOutcome(slot=2, flight=3, creative=4, version=5, tier=1, variant=1),
        SlotOutcome(slot=0, reason="unknown_slot"),
        capped=(Refusal(slot=2, flight=9, cap="flight/1d"),),
    )


@pytest.fixture
def before(database_url: str) -> sa.Engine:
    """A database of such an engine, with sums of two sealed hours and of one that is still open."""
    made = sql.engine(database_url, create=True)
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with sql.alone(made) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        digest = NOTHING_BEFORE
        for hour_s in range(NOW_S, NOW_S + 3 * HOUR_S, HOUR_S):
            cells = sorted(_cell(hour_s, number) for number in range(20))
            columns = [column.name for column in rollup.columns if column.name not in ADDED]
            insert = f"INSERT INTO rollup ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"
            connection.execute(sa.text(insert), [dict(zip(columns, cell, strict=True)) for cell in cells])
            if hour_s < NOW_S + 2 * HOUR_S:
                digest = _sealed(digest, hour_s, cells)
                seal = {"hour_s": hour_s, "sealed_at_s": hour_s + AFTER_S, "cells": len(cells), "digest": digest}
                connection.execute(hour_seal.insert().values(seal))
    return made


def _cell(hour_s: int, number: int) -> tuple[Any, ...]:
    """A row in the order that the table's columns had."""
    return (hour_s + 900 * (number % 4), 0, 3, 1, 2, 3, number, 1, 255, 1, 7, 8, "late" * (number % 2), number + 1, 9)


def _sealed(digest: bytes, hour_s: int, cells: list[tuple[Any, ...]]) -> bytes:
    """As such an engine sealed."""
    return blake2b(digest + orjson.dumps(hour_s) + b"".join(map(orjson.dumps, cells)), digest_size=32).digest()


def broken(engine: sa.Engine) -> list[int]:
    with sql.reading(engine) as connection:
        return list(seals.broken(connection))


def sums(engine: sa.Engine) -> list[Any]:
    with sql.reading(engine) as connection:
        return [dict(row) for row in connection.execute(sa.select(rollup)).mappings()]


def test_its_sums_are_upgraded_whole_and_its_seals_hold(before: sa.Engine) -> None:
    schema.upgrade(before)
    found = sums(before)
    assert len(found) == 60 and sum(row["n"] for row in found) == 3 * 210 and sum(row["micros"] for row in found) == 540
    assert {(row["device"], row["refresh"]) for row in found} == {(0, 0)}
    assert broken(before) == []


@pytest.mark.parametrize("column", ADDED)
def test_a_column_that_came_later_is_vouched_for_in_hours_that_were_sealed_before(
    before: sa.Engine, column: str
) -> None:
    schema.upgrade(before)
    one = (rollup.c.quarter_s == NOW_S, rollup.c.creative == 4)
    damage(before, sa.update(rollup).where(*one).values({column: 1}))
    assert broken(before) == [NOW_S]


def test_its_open_hour_is_counted_on_and_sealed_upon_its_seals(before: sa.Engine, valkey: Store) -> None:
    schema.upgrade(before)
    open_s = NOW_S + 2 * HOUR_S
    append(valkey, *(an_impression(n, at_s=open_s, served={"device": n % 3}) for n in range(6)))
    drain(a_consumer(valkey, before))
    assert sealed(before, open_s + AFTER_S) == 1 and broken(before) == []
    assert {row["device"] for row in sums(before) if row["quarter_s"] == open_s} == {0, 1, 2}
    damage(before, sa.update(rollup).where(rollup.c.quarter_s == open_s, rollup.c.device == 2).values(device=3))
    assert broken(before) == [open_s]


def test_its_lines_and_files_of_events_are_taken_up(valkey: Store, sqlite_engine: sa.Engine, tmp_path: Path) -> None:
    folder = tmp_path / kept.FOLDER
    chance = random.Random(5)
    plain = list(happened.events(chance, 20, devices=(0,), refreshes=(0,)))
    append(valkey, *plain)
    drain(a_consumer(valkey, sqlite_engine, keeps_events=True))
    segments.keep(sqlite_engine, folder, NOW_S, 30)
    for part in segments.parts(folder):
        _without_added(folder / part.name)
    append(valkey, *happened.events(chance, 20, devices=(0,), refreshes=(0,), first=100))
    drain(a_consumer(valkey, sqlite_engine, keeps_events=True))
    with sql.reading(sqlite_engine) as connection:
        rows = [dict(row) for row in connection.execute(sa.select(event_lines)).mappings()]
    for row in rows:
        lines = _plain_lines(row["lines"])
        damage(sqlite_engine, event_lines.update().where(event_lines.c.id == row["id"]).values(lines=lines))
    append(valkey, *happened.events(chance, 20, first=200))
    drain(a_consumer(valkey, sqlite_engine, keeps_events=True))
    late_s = NOW_S + happened.HOURS * HOUR_S + 86_400
    segments.keep(sqlite_engine, folder, NOW_S, 30)
    segments.keep(sqlite_engine, folder, late_s, 30)
    assert of_files(folder) == of_rollups(sqlite_engine)


def _without_added(path: Path) -> None:
    older = path.with_suffix(".older")
    duckdb.sql(f"COPY (SELECT * EXCLUDE ({', '.join(ADDED)}) FROM '{path}') TO '{older}' (FORMAT parquet)")
    older.replace(path)


def _plain_lines(lines: bytes) -> bytes:
    said = [orjson.loads(line) for line in kept.unpacked(lines).splitlines()]
    assert all(line.pop(name) == 0 for line in said for name in ADDED)
    return zlib.compress(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in said))
