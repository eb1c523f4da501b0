# ruff: noqa: S608  # what queries are put together from is written in this file
"""The closed hours of the decision log as Parquet, written and searched by DuckDB; not for web workers.

Columns: request_id, at_s (epoch s), snapshot (version), reader (hex, or null), and record, the whole
line (`decisions.record`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import orjson

from adengine.decisions.log import DAY_S, HOUR_S, LINES

SEGMENT = ".parquet"
LATE_S = 120
"""So long after its hour a file may still be written to."""
_COLUMNS = """
  json->>'$.request_id' AS request_id, (json->>'$.at_s')::BIGINT AS at_s,
  (json->>'$.snapshot')::BIGINT AS snapshot, json->>'$.reader' AS reader, json::VARCHAR AS record
"""
_LINES = "read_json_objects($1, format = 'newline_delimited', ignore_errors = true, maximum_object_size = 67108864)"


def keep(folder: Path, now_s: int, keep_days: int) -> int:
    """Turns closed hours into segments and drops what is older than `keep_days`; how many segments it made."""
    made = 0
    for path in sorted(folder.glob("*" + LINES)):
        if _began_s(path) + HOUR_S + LATE_S <= now_s:
            _turn_over(path)
            made += 1
    for path in folder.glob("*" + SEGMENT):
        if _began_s(path) + HOUR_S <= now_s - keep_days * DAY_S:
            path.unlink(missing_ok=True)
    return made


def find(folder: Path, request_id: str) -> dict[str, Any] | None:
    """The logged decision of a request, if it was logged and is kept."""
    for path in folder.glob("*" + LINES):
        for record in _records(path):
            if record["request_id"] == request_id:
                return record
    if list(folder.glob("*" + SEGMENT)):
        query = "SELECT record FROM read_parquet($1) WHERE request_id = $2"
        row = duckdb.execute(query, [str(folder / ("*" + SEGMENT)), request_id]).fetchone()
        if row is not None:
            found: dict[str, Any] = orjson.loads(row[0])
            return found
    return None


def logged(folder: Path, count: int) -> list[tuple[str, int]]:
    """(request id, epoch s) of the last `count` decisions in the log, newest first."""
    found = [(record["request_id"], record["at_s"]) for path in folder.glob("*" + LINES) for record in _records(path)]
    if list(folder.glob("*" + SEGMENT)):
        query = "SELECT request_id, at_s FROM read_parquet($1) ORDER BY at_s DESC, request_id DESC LIMIT $2"
        found += duckdb.execute(query, [str(folder / ("*" + SEGMENT)), count]).fetchall()
    return sorted(found, key=lambda row: (row[1], row[0]), reverse=True)[:count]


def forget(folder: Path, forgotten: Mapping[str, int]) -> int:
    """Drops the decisions of readers (hex) up to when they were forgotten (epoch s); from how many segments.

    An hour that is still open is gone through once it is a segment.
    """
    changed = 0
    for path in folder.glob("*" + SEGMENT) if forgotten else ():
        theirs = "EXISTS (FROM gone WHERE gone.rid = reader AND at_s <= gone.at_s_gone)"
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE gone (rid VARCHAR, at_s_gone BIGINT)")
            connection.executemany("INSERT INTO gone VALUES ($1, $2)", list(map(list, forgotten.items())))
            rows = "FROM read_parquet($1) WHERE"
            found = connection.execute(f"SELECT count(*) {rows} {theirs}", [str(path)]).fetchone()
            if found and found[0]:
                _write(connection, path, f"SELECT * {rows} NOT {theirs}", path)
                changed += 1
    return changed


def _turn_over(path: Path) -> None:
    """A file of lines into a segment; one that was cut off in the middle loses its last line."""
    with duckdb.connect() as connection:
        query = f"SELECT {_COLUMNS} FROM {_LINES} WHERE json IS NOT NULL ORDER BY 2"
        _write(connection, path.with_suffix(SEGMENT), query, path)
    path.unlink()


def _write(connection: duckdb.DuckDBPyConnection, target: Path, query: str, source: Path) -> None:
    """The query's rows as a segment, whole or not at all."""
    draft = target.with_suffix(".part")
    quoted = str(draft).replace("'", "''")
    connection.execute(f"COPY ({query}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)", [str(source)])
    draft.replace(target)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Of a file of lines, the last of which may still be on its way."""
    for line in path.read_bytes().splitlines():
        with contextlib.suppress(orjson.JSONDecodeError):
            yield orjson.loads(line)


def _began_s(path: Path) -> int:
    return int(path.name.partition("-")[0])
