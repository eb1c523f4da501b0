"""The real stores and databases that tests run on: `store` in three kinds, `engine` in two, empty for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser

from adengine.store import schema, sql
from adengine.store.client import Store, connect
from tests import stores
from tests.chromium import chromium

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
STORES = ("valkey", "cluster", *(("redis7",) if stores.DEBIAN_REDIS else ()))


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stores.server(stores.VALKEY, tmp_path_factory.mktemp("valkey")) as (url, _):
        yield url


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stores.cluster(tmp_path_factory.mktemp("cluster")) as (url, _):
        yield url


@pytest.fixture(scope="session")
def redis7_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert stores.DEBIAN_REDIS is not None
    with stores.server(stores.DEBIAN_REDIS, tmp_path_factory.mktemp("redis7")) as (url, _):
        yield url


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store: a Valkey, a cluster of Valkeys, Debian's Redis 7.0."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    stores.empty(connect(url, timeout_ms=stores.PATIENT_MS))
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    made = connect(store_url, timeout_ms=stores.PATIENT_MS)
    yield made
    made.close()


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[Store]:
    """One empty Valkey, for what does not depend on the kind of store."""
    made = connect(valkey_url, timeout_ms=stores.PATIENT_MS)
    stores.empty(made)
    yield made
    made.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of a process: playwright can run only once in it."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'adengine.sqlite3'}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with stores.postgres() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty database."""
    made = sql.engine(postgres_server)
    with sql.writing(made) as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    made.dispose()
    return postgres_server


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """A migrated, empty database: SQLite, PostgreSQL."""
    made = sql.engine(database_url, create=True)
    schema.upgrade(made)
    yield made
    made.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[sa.Engine]:
    """A migrated, empty SQLite, for what does not depend on the kind of database."""
    made = sql.engine(sqlite_url, create=True)
    schema.upgrade(made)
    yield made
    made.dispose()
