"""What commands work with, opened and closed: the database, both stores, the shipped trees."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine, make_url

from adengine import places, topics
from adengine.catalog.known import Known
from adengine.errors import Unsafe
from adengine.settings import Settings
from adengine.store import client, schema, sql
from adengine.store.embedded import EmbeddedValkey

PATIENT_MS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    settings: Settings
    """With the store's address filled in."""
    store: client.Store
    engine: Engine


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Engine]:
    """The database; raises `Unsafe` with what to do if its schema is not ours or it does not exist yet."""
    _require_database(settings)
    engine = sql.engine(settings.database)
    try:
        schema.check(engine)
        yield engine
    finally:
        engine.dispose()


@contextlib.contextmanager
def stores(settings: Settings) -> Iterator[Stores]:
    """Both stores; an embedded Valkey is that of the living engine or, without one, runs as long as this does."""
    _require_database(settings)
    with _reachable(settings) as reachable:
        store = client.connect(reachable.redis_url, timeout_ms=PATIENT_MS)
        engine = sql.engine(reachable.database)
        try:
            yield Stores(settings=reachable, store=store, engine=engine)
        finally:
            store.close()
            engine.dispose()


@contextlib.contextmanager
def _reachable(settings: Settings) -> Iterator[Settings]:
    if not settings.embedded_store:
        yield settings
        return
    valkey = EmbeddedValkey(settings.data_dir)
    try:
        yield replace(settings, redis_url=valkey.start())
    finally:
        valkey.stop()


def _require_database(settings: Settings) -> None:
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise Unsafe(f"there is no database {url.database} yet; start once with: python -m adengine serve")


def shipped(settings: Settings) -> Known:
    """What documents are judged against, the trees loaded."""
    return Known(
        gazetteer=places.load(settings.data_dir),
        taxonomy=topics.load(),
        http_landing=settings.allow_http_landing,
    )
