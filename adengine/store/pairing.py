"""The tie between a store and its database: one random id that both keep, so that neither is used with a stranger.

Two stores for one database would each allow a reader the whole cap; two databases for one store would each count half
of the events. The ids of flights and creatives in a store mean those of one database only.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from adengine.errors import Unsafe
from adengine.store import keys
from adengine.store.client import Store
from adengine.store.sql import alone
from adengine.store.tables import installation

PATIENT_MS = 2_000


def tie(store: Store, engine: sa.Engine, *, anew: bool) -> None:
    """Returns if the two belong together; an empty store and a new database do from now on. Raises `Unsafe`.

    anew: take an empty store for a database that had another one. The lost one is refused should it come back.
    """
    _introduce(store, engine, anew=anew)
    with alone(engine) as connection:
        ours = connection.execute(sa.select(installation)).one()
        if not ours.is_confirmed:
            store.across([("SET", keys.INSTALLATION, ours.store_id, "NX")], timeout_ms=PATIENT_MS)
            connection.execute(installation.update().values(is_confirmed=True))
        if _held(store) != ours.store_id:
            raise Unsafe(
                "this store belongs to another database, and this database to another store: caps and counts would be "
                "split between two; point ADENGINE_REDIS_URL and ADENGINE_DATABASE_URL at a pair that belongs together"
            )


def _introduce(store: Store, engine: sa.Engine, *, anew: bool) -> None:
    """Gives the database the id that its store is to hold; committed first, so that a crash leaves nothing in doubt."""
    with alone(engine) as connection:
        ours = connection.execute(sa.select(installation)).one_or_none()
        held = _held(store)
        if ours is None and held is not None:
            raise Unsafe(
                "this store holds the caps and events of another database, and this database is new: restore that "
                "database, or give this one a store of its own (the embedded store's files are in data_dir/valkey)"
            )
        if ours is not None and (held is not None or not ours.is_confirmed):
            return
        if ours is not None and not anew:
            raise Unsafe(
                "this store is empty, but this database has counted with another: point ADENGINE_REDIS_URL at that "
                "one. If it is lost for good, run doctor once with ADENGINE_ALLOW_UNSAFE_STORE=true: readers' caps "
                "then begin anew, and events that had not reached the reports are gone"
            )
        connection.execute(installation.delete())
        connection.execute(installation.insert().values(id=1, store_id=secrets.token_hex(16), is_confirmed=False))


def _held(store: Store) -> str | None:
    found = store.across([("GET", keys.INSTALLATION)], timeout_ms=PATIENT_MS)[0]
    return None if found is None else bytes(found).decode("ascii", "replace")
