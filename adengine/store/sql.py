"""The SQL database: one engine for SQLite and PostgreSQL, transactions that commit to disk, one failure to expect."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from adengine.errors import DatabaseUnavailable

SQLITE_BUSY_MS = 5_000
SQLITE_AGAIN_S = 0.005
SQLITE_PRIMARY_CODE = 0xFF
"""Of an extended result code; https://www.sqlite.org/rescode.html."""
CONNECT_S = 2
SQLITE_AWAY = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    )
)
POSTGRES_LOCK_MS = 5_000
"""As long as SQLite's writers wait in line."""
ALONE = 0x61646E67
"""PostgreSQL's advisory lock of whoever is `alone`."""
ALONE_WITHIN_S = 60
OPTIONS = f"-c timezone=UTC -c lock_timeout={POSTGRES_LOCK_MS}"
BEGIN = "adengine_begin"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every table of every slice; what a migration must lead to."""


def engine(url: str, *, create: bool = False) -> sa.Engine:
    """The database at a sqlite:/// or postgresql:// URL; nothing connects yet.

    create: make a missing SQLite file. Otherwise a missing file is a database that is away, never an empty one.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, create=create)
    return sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=4,
        pool_timeout=CONNECT_S,
        connect_args={"connect_timeout": CONNECT_S, "tcp_user_timeout": 5_000, "options": OPTIONS},
    )


@contextlib.contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One consistent view, to read from; raises `DatabaseUnavailable` when the database is away."""
    level = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with _translated(), engine.connect().execution_options(**level) as connection:
        yield connection


@contextlib.contextmanager
def glancing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """To read with one query, which is a view by itself: PostgreSQL is spared two round trips. Else as `reading`.

    Nothing is prepared there, as in `reading`, where psycopg forgets at the end what it had counted: PostgreSQL would
    soon plan a report without its period.
    """
    if engine.dialect.name == "sqlite":
        with reading(engine) as connection:
            yield connection
        return
    with _translated(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver: Any = connection.connection.driver_connection
        counted, driver.prepare_threshold = driver.prepare_threshold, None
        try:
            yield connection
        finally:
            driver.prepare_threshold = counted


@contextlib.contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction, committed to disk at the end, undone by any exception; writers of SQLite wait in line."""
    with (
        _translated(),
        engine.connect().execution_options(**{BEGIN: "BEGIN IMMEDIATE"}) as connection,
        connection.begin(),
    ):
        yield connection


@contextlib.contextmanager
def alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """As `writing`, with nobody else inside another `alone` of this database: for what is done once, at start."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # SQLite has one writer anyway
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{ALONE_WITHIN_S}s'"))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ALONE)))
        yield connection


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        if not _is_away(error):
            raise
        raise DatabaseUnavailable(f"the database did not answer: {type(error.__cause__ or error).__name__}") from error


def _is_away(error: Exception) -> bool:
    """Rather than a wrong statement of ours, which SQLite calls an operational error too."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.DatabaseError):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & SQLITE_PRIMARY_CODE in SQLITE_AWAY
    return isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.TimeoutError)


def _sqlite(url: sa.URL, *, create: bool) -> sa.Engine:
    """No pool: a pooled handle would go on writing into a file that was moved away."""
    path = url.database or ""
    location = f"file:{path}?mode={'rwc' if create else 'rw'}"
    made = sa.create_engine(
        "sqlite://",
        poolclass=NullPool,
        creator=lambda: sqlite3.connect(location, uri=True, isolation_level=None, check_same_thread=False),
    )

    @sa.event.listens_for(made, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
        _log_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")  # a commit is on disk before anything is trimmed or acknowledged
        connection.execute("PRAGMA foreign_keys=ON")

    @sa.event.listens_for(made, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(BEGIN, "BEGIN"))

    return made


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Switches to WAL. Of several who do so to a new file at once, SQLite refuses some without waiting."""
    deadline_s = time.monotonic() + SQLITE_BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & SQLITE_PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                raise
            time.sleep(SQLITE_AGAIN_S)
