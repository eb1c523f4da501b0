"""The management API on each database: migrated once per session, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adengine import places
from adengine.places import Gazetteer
from adengine.store import schema, sql
from tests.catalog.desk import Desk

DATABASE = "catalogue"


@pytest.fixture(scope="session")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    return places.load(tmp_path_factory.getbasetemp().parent / "places")


@pytest.fixture(scope="session")
def desk_on_sqlite(tmp_path_factory: pytest.TempPathFactory, gazetteer: Gazetteer) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("catalogue")
    yield from _desk(f"sqlite:///{folder / 'adengine.sqlite3'}", gazetteer)


@pytest.fixture(scope="session")
def desk_on_postgres(postgres_server: str, gazetteer: Gazetteer) -> Iterator[Desk]:
    """In a database of its own: other tests drop and make theirs while this one lives."""
    server = sa.create_engine(postgres_server.replace("postgresql://", "postgresql+psycopg://"))
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {DATABASE}")
    server.dispose()
    url = sa.make_url(postgres_server).set(database=DATABASE)
    yield from _desk(url.render_as_string(hide_password=False), gazetteer)


@pytest.fixture(params=["sqlite", "postgres"])
def desk(request: pytest.FixtureRequest) -> Desk:
    made: Desk = request.getfixturevalue(f"desk_on_{request.param}")
    return made.empty()


@pytest.fixture
def sqlite_desk(desk_on_sqlite: Desk) -> Desk:
    """For what does not depend on the kind of database."""
    return desk_on_sqlite.empty()


def _desk(url: str, gazetteer: Gazetteer) -> Iterator[Desk]:
    engine = sql.engine(url, create=True)
    schema.upgrade(engine)
    yield Desk(engine, gazetteer)
    engine.dispose()
