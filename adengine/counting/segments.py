"""Counted events as hourly Parquet, written by DuckDB; not for web workers.

Events come with the transaction that counts them (`event_lines`), so there are neither more nor fewer than in the sums.
They are written, synced, and only then deleted there. Whoever is killed in between writes the same again, and perhaps
more, under a name that supersedes the first (`counting.kept`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import duckdb
from sqlalchemy import Connection, Engine, delete, func, select

from adengine.counting.kept import (
    ALONE,
    COLUMNS,
    DAY_S,
    HOUR_S,
    LINE,
    SEGMENT,
    VALUES,
    Part,
    in_files,
    part_of,
    standing,
    unpacked,
)
from adengine.counting.tables import event_lines
from adengine.store.sql import reading, writing
from adengine.store.tables import installation

DRAFT = ".part"
CLOSED_S = HOUR_S + 15 * 60
"""So long after its begin an hour's files become one; again, if something comes later that waited in a spool."""
TAKEN_MAX, TAKEN_BYTES = 5_000, 32 * 2**20
"""Rows of `event_lines`, and bytes of them, that one file takes at most; about a million events."""
MEMORY: dict[str, str | bool | int | float | list[str]] = {"memory_limit": "512MB", "threads": 2}


def keep(engine: Engine, folder: Path, now_s: int, keep_days: int) -> int:
    """Writes what was counted since, makes one file of each closed hour, drops what is older than `keep_days`.

    How many files it wrote. Raises OSError and `DatabaseUnavailable`; what was not done is done the next time.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for path in folder.glob(f"*/*{DRAFT}"):
            path.unlink(missing_ok=True)
        made = _drain(engine, folder) + _join(folder, now_s)
    except duckdb.Error as error:
        raise OSError(f"DuckDB: {error}") from error
    _drop(folder, now_s - keep_days * DAY_S)
    return made


def parts(folder: Path) -> list[Part]:
    """Every file of events, superseded ones too.

    Looked for until nothing changes: a listing is not of one moment, and could miss both a new file and what it holds.
    """
    found, again = _listed(folder), _listed(folder)
    while found != again:
        found, again = again, _listed(folder)
    return sorted(found)


def _listed(folder: Path) -> set[Part]:
    found = (part_of(f"{path.parent.name}/{path.name}") for path in folder.glob(f"*/*{SEGMENT}"))
    return {part for part in found if part is not None}


def _drain(engine: Engine, folder: Path) -> int:
    """Takes what is there by now, and not what comes meanwhile, or it would never end; how many files it made."""
    made = 0
    with reading(engine) as connection:
        database = database_of(connection)
        newest = select(event_lines.c.hour_s, func.max(event_lines.c.id)).group_by(event_lines.c.hour_s)
        hours = connection.execute(newest.order_by(event_lines.c.hour_s)).all()
    for hour_s, upto in hours:
        while part := _taken(engine, folder, hour_s, upto, database):
            with writing(engine) as connection:
                mine = (event_lines.c.hour_s == hour_s, event_lines.c.id <= part.last)
                connection.execute(delete(event_lines).where(*mine))
            made += 1
    return made


def database_of(connection: Connection) -> str:
    """What tells this database from others in the names of files."""
    known: str | None = connection.scalar(select(installation.c.store_id))
    return known[: len(ALONE)] if known else ALONE


def _taken(engine: Engine, folder: Path, hour_s: int, upto: int, database: str) -> Part | None:
    """The next rows of an hour as a file, on disk; None: there are none up to number `upto`."""
    mine = (event_lines.c.hour_s == hour_s, event_lines.c.id <= upto)
    query = select(event_lines.c.id, event_lines.c.lines).where(*mine)
    numbers, size = [], 0
    with tempfile.NamedTemporaryFile(prefix="adengine-events-", suffix=".ndjson") as lines:
        with reading(engine) as connection:
            connection = connection.execution_options(stream_results=True)
            for row in connection.execute(query.order_by(event_lines.c.id).limit(TAKEN_MAX)):
                lines.write(unpacked(row.lines))
                numbers.append(row.id)
                size += len(row.lines)
                if size >= TAKEN_BYTES:
                    break
        if not numbers:
            return None
        lines.flush()
        part = Part(hour_s=hour_s, database=database, first=numbers[0], last=numbers[-1])
        _write(folder / part.name, f"SELECT {_FROM_LINES}", lines.name)
    return part


_SHAPE = ", ".join(f"'{name}': '{kind}'" for name, kind in LINE.items())
_VALUES = ", ".join(VALUES[name] if name in LINE else f"make_timestamp(at_s * 1000000) AS {name}" for name in COLUMNS)
_FROM_LINES = f"{_VALUES} FROM read_json($1, format = 'newline_delimited', columns = {{{_SHAPE}}})"
_FROM_PARTS = f"{', '.join(VALUES.values())} FROM {in_files('$1')}"


def _join(folder: Path, now_s: int) -> int:
    """Makes one file of each closed hour that has several, and takes away what is superseded; how many it made."""
    made, found = 0, parts(folder)
    for (hour_s, database), several in groupby(standing(found), key=lambda part: (part.hour_s, part.database)):
        some = list(several)
        if len(some) > 1 and hour_s + CLOSED_S <= now_s:
            whole = Part(hour_s=hour_s, database=database, first=some[0].first, last=some[-1].last)
            _write(folder / whole.name, f"SELECT {_FROM_PARTS}", [str(folder / part.name) for part in some])
            found.append(whole)
            made += 1
    for part in set(found) - set(standing(found)):
        (folder / part.name).unlink(missing_ok=True)
    return made


def _write(target: Path, query: str, source: str | Sequence[str]) -> None:
    """The query's rows as a file, whole and synced or not at all."""
    if not target.parent.exists():
        target.parent.mkdir(mode=0o700)
        _sync(target.parent.parent)
    draft = target.with_suffix(DRAFT)
    quoted = str(draft).replace("'", "''")
    with duckdb.connect(config=MEMORY) as connection:
        rows = f"{query} ORDER BY at_s, event, metric"
        connection.execute(f"COPY ({rows}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)", [source])
    _sync(draft)
    draft.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _drop(folder: Path, until_s: int) -> None:
    """Hours that ended before."""
    for part in parts(folder):
        if part.hour_s + HOUR_S <= until_s:
            (folder / part.name).unlink(missing_ok=True)
    for day in folder.glob("date=*"):
        if not any(day.iterdir()):
            day.rmdir()
