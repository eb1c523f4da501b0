"""What the database knows of the store that belongs to it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, String, Table

from adengine.store.sql import metadata

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="1; there is one row"),
    Column("store_id", String(32), nullable=False, comment="also kept in the store, under keys.INSTALLATION"),
    Column("is_confirmed", Boolean, nullable=False, comment="the store has it; until then an empty store may be it"),
    comment="The one Valkey/Redis of this database: caps and streams in two stores would be neither exact nor whole.",
)
