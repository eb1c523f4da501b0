# ruff: noqa: S608  # what queries are put together from is written here, in reporting.sql and in counting.kept
"""The sums of a report out of the events that this machine keeps, by the query that reads the rollups.

DuckDB runs it, over the files and over what the keeper has not written yet; it is imported when the first such report
is asked for: other web workers stay small. What is joined is copied from the database, for `load` to join alike.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, Select, Table, select
from sqlalchemy.dialects import postgresql

from adengine.counting.kept import FOLDER, HOUR_S, LINE, METRICS, VALUES, hour_of, in_files, standing, taken, unpacked
from adengine.counting.tables import event_lines
from adengine.errors import Unavailable
from adengine.reporting.load import Found, standing_of
from adengine.reporting.question import Question
from adengine.reporting.sql import Values, parts_of, read_of
from adengine.settings import Settings
from adengine.store.sql import metadata
from adengine.web import instants

if TYPE_CHECKING:
    import duckdb

ATTEMPTS = 3
"""The keeper may take a file away while we read, because another one holds it too by then."""
DUCKDB = "duckdb"
DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
"""What DuckDB understands."""
LINKS = {"flights": ("campaign",), "creatives": ("campaign",)}
"""Columns that joins need beside `id`."""


class Events:
    def __init__(self, folder: Path) -> None:
        """folder: of the data directory, as `counting.segments` writes it."""
        self._folder = folder

    def __call__(self, connection: Connection, question: Question, rows_max: int) -> Found:
        """Raises `Unavailable` when the files cannot be read, or change all the time."""
        import duckdb

        for _ in range(ATTEMPTS):
            try:
                return self._found(connection, question, rows_max)
            except (duckdb.IOException, duckdb.InvalidInputException, FileNotFoundError) as error:
                failure = error
        raise Unavailable(f"the files of events cannot be read: {type(failure).__name__}") from failure

    def _found(self, connection: Connection, question: Question, rows_max: int) -> Found:
        """The files are looked for behind the view of the database: what it has not any more is in one of them."""
        import duckdb

        from adengine.counting.segments import MEMORY, database_of, parts

        told = standing_of(connection)  # the first to be read, with which the view begins
        known = standing(parts(self._folder))
        wanted = [part for part in known if question.begin_s < part.hour_s + HOUR_S and part.hour_s < question.end_s]
        taken_to = taken(known, database_of(connection))
        with tempfile.TemporaryDirectory(prefix="adengine-report-") as name:
            fresh = Path(name) / "fresh.ndjson"
            with fresh.open("wb") as lines:
                lines.writelines(_fresh(connection, question, taken_to))
            with duckdb.connect(config=MEMORY | {"temp_directory": name}) as engine:
                _as_rollup(engine, [self._folder / part.name for part in wanted], fresh)
                for table in read_of(question):
                    _copy(connection, engine, question, metadata.tables[table], Path(name))
                found = parts_of(question, rows_max, DUCKDB, partial(_rows, engine))
        said = _said(min((part.hour_s for part in known), default=None))
        return Found(parts=found, standing=told, said=said)


def events_of(settings: Settings) -> Events | None:
    """None where they are not kept."""
    return Events(settings.data_dir / FOLDER) if settings.events_keep_days else None


def _said(since_s: int | None) -> str:
    since = f"; the files begin with the hour of {instants.spelled(since_s)}" if since_s is not None else ""
    return f"Events as the machine that answered keeps them, without people's corrections{since}."


def _fresh(connection: Connection, question: Question, taken_to: dict[int, int]) -> Iterator[bytes]:
    """The lines of the period's hours that are in no file yet."""
    rows = event_lines.c
    query = select(rows.id, rows.hour_s, rows.lines).where(
        rows.hour_s >= hour_of(question.begin_s), rows.hour_s < question.end_s
    )
    for row in connection.execution_options(stream_results=True).execute(query):
        if row.id > taken_to.get(row.hour_s, 0):
            yield unpacked(row.lines)


def _as_rollup(engine: duckdb.DuckDBPyConnection, files: Iterable[Path], fresh: Path) -> None:
    """The view that `queries_of` takes for the rollups."""
    names = ", ".join(f"'{name}'" for name in METRICS.values())
    numbered = ", ".join(
        f"list_position([{names}], metric) - 1 AS metric" if name == "metric" else VALUES[name] for name in LINE
    )
    sources = [_lines_of(fresh, LINE)]
    if listed := ", ".join(_quoted(path) for path in files):
        sources.append(f"SELECT {', '.join(LINE)} FROM {in_files(f'[{listed}]')}")
    engine.execute(f"CREATE VIEW rollup AS SELECT {numbered} FROM ({' UNION ALL '.join(sources)})")


def _copy(
    connection: Connection, engine: duckdb.DuckDBPyConnection, question: Question, table: Table, folder: Path
) -> None:
    """What the question needs of a table of the catalogue, for as long as it is answered."""
    named = [*question.columns, *(name for name, _ in question.equals)]
    own = [column for owner, _, column in (name.partition(".") for name in named) if owner == table.name]
    chosen = dict.fromkeys(("id", *LINKS.get(table.name, ()), *own))
    path = folder / f"{table.name}.ndjson"
    with path.open("wb") as lines:
        for row in connection.execute(select(*(table.c[name] for name in chosen))):
            lines.write(orjson.dumps(dict(zip(chosen, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE))
    kinds = {name: "VARCHAR" if table.c[name].type.python_type is str else "BIGINT" for name in chosen}
    engine.execute(f"CREATE TABLE {table.name} AS {_lines_of(path, kinds)}")


def _lines_of(path: Path, kinds: dict[str, str]) -> str:
    shape = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
    columns = ", ".join(kinds)
    return f"SELECT {columns} FROM read_json({_quoted(path)}, format = 'newline_delimited', columns = {{{shape}}})"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _rows(engine: duckdb.DuckDBPyConnection, query: Select[Any], values: Values) -> list[Any]:
    whole = query.compile(dialect=DIALECT).construct_expanded_state(values)
    return engine.execute(whole.statement, list(whole.positional_parameters)).fetchall()
