"""One store, one database: strangers are refused, and a crash at the first meeting leaves no doubt."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adengine.errors import Unsafe
from adengine.store import keys, pairing, schema, sql
from adengine.store.client import Store, StoreForbids, connect
from adengine.store.tables import installation
from tests import stores


@pytest.fixture
def another(redis_like: str) -> Store:
    """A second store, empty."""
    made = connect(redis_like, timeout_ms=stores.PATIENT_MS)
    stores.empty(made)
    return made


@pytest.fixture(scope="module")
def redis_like(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stores.server(stores.VALKEY, tmp_path_factory.mktemp("another")) as (url, _):
        yield url


@pytest.fixture
def second(tmp_path: Path) -> sa.Engine:
    """A second database."""
    made = sql.engine(f"sqlite:///{tmp_path / 'second.sqlite3'}", create=True)
    schema.upgrade(made)
    return made


def test_a_pair_that_met_may_meet_again(store: Store, engine: sa.Engine) -> None:
    for _ in range(3):
        pairing.tie(store, engine, anew=False)


def test_another_databases_store_is_refused(
    valkey: Store, another: Store, sqlite_engine: sa.Engine, second: sa.Engine
) -> None:
    pairing.tie(valkey, sqlite_engine, anew=False)
    pairing.tie(another, second, anew=False)
    for store, engine in ((valkey, second), (another, sqlite_engine)):
        with pytest.raises(Unsafe, match="belongs to another database"):
            pairing.tie(store, engine, anew=True)


def test_a_second_empty_store_for_one_database_is_refused(valkey: Store, another: Store, engine: sa.Engine) -> None:
    pairing.tie(valkey, engine, anew=False)
    with pytest.raises(Unsafe, match="ADENGINE_REDIS_URL"):
        pairing.tie(another, engine, anew=False)
    pairing.tie(valkey, engine, anew=False)


def test_a_second_new_database_for_one_store_is_refused(
    valkey: Store, sqlite_engine: sa.Engine, second: sa.Engine
) -> None:
    pairing.tie(valkey, sqlite_engine, anew=False)
    with pytest.raises(Unsafe, match="database is new"):
        pairing.tie(valkey, second, anew=True)
    pairing.tie(valkey, sqlite_engine, anew=False)


def test_a_lost_store_is_replaced_on_demand_and_refused_if_it_comes_back(
    valkey: Store, another: Store, engine: sa.Engine
) -> None:
    pairing.tie(valkey, engine, anew=False)
    pairing.tie(another, engine, anew=True)
    pairing.tie(another, engine, anew=False)
    with pytest.raises(Unsafe):
        pairing.tie(valkey, engine, anew=False)


def test_a_crash_before_the_store_has_the_id_is_mended_by_the_next_start(
    valkey: Store, valkey_url: str, engine: sa.Engine
) -> None:
    valkey.everywhere("ACL", "SETUSER", "reader", "on", ">word", "~*", "+get")
    try:
        with pytest.raises(StoreForbids):
            pairing.tie(connect(valkey_url.replace("//", "//reader:word@"), timeout_ms=500), engine, anew=False)
    finally:
        valkey.everywhere("ACL", "DELUSER", "reader")
    assert valkey.read(("GET", keys.INSTALLATION)) == [None]
    pairing.tie(valkey, engine, anew=False)
    pairing.tie(valkey, engine, anew=False)


def test_a_crash_before_the_database_knows_of_it_is_mended_by_the_next_start(valkey: Store, engine: sa.Engine) -> None:
    pairing.tie(valkey, engine, anew=False)
    with sql.writing(engine) as connection:
        connection.execute(installation.update().values(is_confirmed=False))
    pairing.tie(valkey, engine, anew=False)
    stores.empty(valkey)
    with pytest.raises(Unsafe, match="is empty"):
        pairing.tie(valkey, engine, anew=False)


def test_many_machines_that_start_at_once_agree(valkey: Store, database_url: str, engine: sa.Engine) -> None:
    failures: list[Exception] = []

    def tie() -> None:
        try:
            pairing.tie(valkey, sql.engine(database_url), anew=False)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=tie) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
