"""The migrations lead to the tables that the code declares, on both databases, and other schemas are refused."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import adengine.catalog.tables
import adengine.counting.tables
import adengine.reporting.tables  # noqa: F401
from adengine.errors import DatabaseUnavailable, Unsafe
from adengine.store import schema, sql
from adengine.store.tables import installation


def test_a_migrated_database_has_exactly_the_declared_tables(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, sql.metadata) == []


def test_the_expected_revision_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_upgrading_twice_changes_nothing(engine: sa.Engine) -> None:
    schema.upgrade(engine)
    schema.check(engine)
    assert schema.revision(engine) == schema.HEAD


def test_many_who_upgrade_at_once_make_one_schema(database_url: str) -> None:
    failures: list[Exception] = []

    def upgrade() -> None:
        try:
            schema.upgrade(sql.engine(database_url, create=True))
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    schema.check(sql.engine(database_url))


def test_many_who_open_a_new_file_at_once_all_can(tmp_path: Path) -> None:
    """A hundred files, four each; without waiting for the switch to WAL, some of them fail nearly every time."""
    for number in range(100):
        url, together = f"sqlite:///{tmp_path / str(number)}.sqlite3", threading.Barrier(4)

        def opened(url: str = url, together: threading.Barrier = together) -> bool:
            together.wait()
            with sql.writing(sql.engine(url, create=True)) as connection:
                return bool(connection.execute(sa.text("SELECT 1")).scalar())

        with ThreadPoolExecutor(4) as pool:
            assert all(ran.result() for ran in [pool.submit(opened) for _ in range(4)])


def test_a_newer_schema_is_not_upgraded(engine: sa.Engine) -> None:
    with sql.writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unsafe, match="newer"):
        schema.upgrade(engine)


def test_a_database_without_schema_is_refused_with_the_command_to_run(database_url: str) -> None:
    with pytest.raises(Unsafe, match=r"python -m adengine db upgrade"):
        schema.check(sql.engine(database_url, create=True))


@pytest.mark.parametrize(("found", "said"), [("0000", "db upgrade"), ("9999", "newer")])
def test_another_revision_is_refused(engine: sa.Engine, found: str, said: str) -> None:
    with sql.writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :found"), {"found": found})
    with pytest.raises(Unsafe, match=said):
        schema.check(engine)


def test_a_missing_sqlite_file_is_a_database_that_is_away_and_stays_missing(tmp_path: Path) -> None:
    path = tmp_path / "gone.sqlite3"
    with pytest.raises(DatabaseUnavailable):
        schema.check(sql.engine(f"sqlite:///{path}"))
    assert not path.exists()


def test_a_file_that_is_no_database_is_a_database_that_is_away(tmp_path: Path) -> None:
    path = tmp_path / "broken.sqlite3"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseUnavailable):
        schema.check(sql.engine(f"sqlite:///{path}"))


def test_a_postgres_that_nobody_serves_is_away() -> None:
    with pytest.raises(DatabaseUnavailable):
        schema.check(sql.engine("postgresql://nobody@127.0.0.1:1/none"))


def test_a_postgres_that_drops_its_connections_fails_one_transaction_and_serves_the_next(
    postgres_url: str, tmp_path: Path
) -> None:
    engine, admin = sql.engine(postgres_url), sql.engine(postgres_url)
    drop = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query <> ''"
    )
    with pytest.raises(DatabaseUnavailable), sql.writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE midway (n INTEGER)"))
        with sql.writing(admin) as other:
            other.execute(drop)
        connection.execute(sa.text("INSERT INTO midway VALUES (1)"))
    with sql.reading(engine) as connection:
        assert not sa.inspect(connection).has_table("midway")


def test_a_failed_transaction_leaves_nothing(engine: sa.Engine) -> None:
    insert = installation.insert().values(id=1, store_id="x", is_confirmed=False)
    with pytest.raises(RuntimeError, match="midway"), sql.writing(engine) as connection:
        connection.execute(insert)
        raise RuntimeError("midway")
    with sql.reading(engine) as connection:
        assert connection.execute(sa.select(installation)).all() == []


def test_a_broken_rule_of_the_schema_is_not_mistaken_for_a_database_that_is_away(engine: sa.Engine) -> None:
    insert = installation.insert().values(id=1, store_id="x", is_confirmed=False)
    with pytest.raises(sa.exc.IntegrityError), sql.writing(engine) as connection:
        connection.execute(insert)
        connection.execute(insert)


def test_a_wrong_statement_is_not_mistaken_for_a_database_that_is_away(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError), sql.reading(engine) as connection:
        connection.execute(sa.text("SELECT no_such_column FROM installation"))


def test_commits_of_sqlite_are_synchronous_and_logged_ahead(sqlite_engine: sa.Engine) -> None:
    with sqlite_engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_migrations_spell_their_tables_out_and_import_none_of_ours() -> None:
    for path in (schema.MIGRATIONS / "versions").glob("*.py"):
        assert not re.search(r"^(?:from|import) adengine", path.read_text("utf-8"), re.M), path.name
