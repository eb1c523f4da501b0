"""The database's schema: bring it up to date, or refuse to run on another. alembic is imported only to upgrade."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from adengine.errors import Unsafe
from adengine.store.sql import alone, reading

HEAD = "0013"
"""The revision that this code expects; a test holds it to the newest file in migrations/versions."""
MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def upgrade(engine: sa.Engine) -> None:
    """Runs the migrations that are missing, in one transaction, one process at a time; `Unsafe` if it is newer."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with alone(engine) as connection:
        found = _revision(connection)
        if found is not None and found > HEAD:
            raise Unsafe(_newer(found))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revision(engine: sa.Engine) -> str | None:
    """The schema's revision; None for a database that has none. Raises `DatabaseUnavailable`."""
    with reading(engine) as connection:
        return _revision(connection)


def check(engine: sa.Engine) -> None:
    """Raises `Unsafe` unless the schema is the one that this code expects."""
    found = revision(engine)
    if found is None:
        raise Unsafe("the database has no adengine schema yet; run: python -m adengine db upgrade")
    if found < HEAD:
        raise Unsafe(f"the database's schema is {found}, this code wants {HEAD}; run: python -m adengine db upgrade")
    if found > HEAD:
        raise Unsafe(_newer(found))


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _newer(found: str) -> str:
    return f"the database's schema {found} is newer than this code ({HEAD}); run the newer code"
