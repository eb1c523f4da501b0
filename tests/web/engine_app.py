"""The real app in this process: a real Valkey, SQLite, the demo's catalogue, and a key that may do everything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import flask

from adengine import demo, places, settings, topics, wiring
from adengine.catalog.known import Known
from adengine.catalog.nouns import Scope
from adengine.catalog.tables import api_keys
from adengine.serve import boot
from adengine.settings import Settings
from adengine.store import schema, sql
from adengine.web.auth import digest

NOW_S = 1_767_225_600
KEY = "ade_a_key_of_the_tests_for_everything"
KEY_ID = 2**31 - 1
"""Beyond what a generated DELETE /v1/keys/{id} will hit."""
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


def settings_of(folder: Path, redis_url: str) -> Settings:
    return replace(boot.with_secret(settings.load({}, data_dir=str(folder / "var"))), redis_url=redis_url)


def seed(wanted: Settings) -> None:
    """Makes the database, with the demo and `KEY` in it."""
    engine = sql.engine(wanted.database, create=True)
    schema.upgrade(engine)
    demo.seed(engine, wanted.data_dir, Known(gazetteer=places.load(wanted.data_dir), taxonomy=topics.load()), NOW_S)
    with sql.writing(engine) as connection:
        connection.execute(
            api_keys.insert().values(
                id=KEY_ID, created_at_s=NOW_S, updated_at_s=NOW_S, revision=1, name="everything", sha256=digest(KEY),
                prefix=KEY[:10], scopes=sorted(scope.value for scope in Scope if scope is not Scope.ADVERTISE),
            )
        )  # fmt: skip
    engine.dispose()


@contextmanager
def running(wanted: Settings) -> Iterator[flask.Flask]:
    app = wiring.create_app(wanted)
    try:
        yield app
    finally:
        app.extensions["adengine"].snapshots.stop()
