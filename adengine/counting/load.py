"""Where clicks go: the landing URL of the approved version that was shown, never anything that a request says."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, select

from adengine.catalog.nouns import State
from adengine.catalog.snapshot import Snapshot
from adengine.catalog.tables import creative_versions
from adengine.counting.tokens import Served
from adengine.store.sql import reading


class Landings:
    """Asks the snapshot, and the database for what is no longer in it. One is shared by all threads of a worker."""

    def __init__(self, engine: Engine, snapshot: Callable[[], Snapshot | None]) -> None:
        self._engine = engine
        self._snapshot = snapshot

    def of(self, served: Served) -> str | None:
        """None for what was never approved. Raises `DatabaseUnavailable` if only the database could know."""
        snapshot = self._snapshot()
        known = snapshot.landing(served.creative, served.version) if snapshot is not None else None
        return known if known is not None else self._read(served)

    def _read(self, served: Served) -> str | None:
        version = creative_versions.c
        query = select(version.landing_url).where(
            version.creative == served.creative,
            version.version == served.version,
            version.state == State.APPROVED.value,
        )
        with reading(self._engine) as connection:
            return connection.scalar(query)
