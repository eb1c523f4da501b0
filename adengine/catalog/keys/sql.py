"""Making, finding and revoking keys, for the API and for `python -m adengine keys`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from adengine.catalog import ids, sql
from adengine.catalog.collections import BY_NOUN
from adengine.catalog.documents import read
from adengine.catalog.keys.secret import SALT_BYTES, derived, prefix
from adengine.catalog.known import Known
from adengine.catalog.nouns import Key, Scope
from adengine.catalog.tables import api_keys
from adengine.store.sql import reading, writing
from adengine.web.auth import digest

OPERATOR = Key(id=0, name="operator", scopes=frozenset(Scope), site=None, advertiser=None)
"""Whoever can run commands on the machine; made keys say so in no column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    id: str
    prefix: str
    key: str
    """Shown now and never again."""


def create(engine: Engine, document: Mapping[str, Any], shipped: Known, now_s: int) -> Issued:
    """A new key for the operator.

    document: as for POST /v1/keys, {"name", "scopes": [...], "site": id | None, "advertiser": id | None}.
    Raises `Invalid` with every mistake.
    """
    collection, key = BY_NOUN["key"], derived(secrets.token_bytes(SALT_BYTES), secrets.token_bytes(SALT_BYTES))
    with writing(engine) as connection:
        sql.begin_edit(connection)
        values = read(collection.form(), document, sql.known(connection, [document], collection, OPERATOR, shipped))
        id_ = add(connection, values, key, now_s)
    return Issued(id=ids.public("key", id_), prefix=prefix(key), key=key)


def revoke(engine: Engine, public_id: str, now_s: int) -> None:
    """Raises `NotFound` for a key that does not exist or is revoked already."""
    with writing(engine) as connection:
        sql.begin_edit(connection)
        row = sql.find(connection, "key", ids.parse("key", public_id), OPERATOR)
        sql.archive(connection, "key", row["id"], now_s)


def key_of(engine: Engine, sha256: bytes) -> Key | None:
    """The living key with this digest, straight from the database."""
    with reading(engine) as connection:
        query = select(api_keys).where(api_keys.c.sha256 == sha256, api_keys.c.archived_at_s.is_(None))
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _key(dict(row))


def add(connection: Connection, values: Mapping[str, Any], key: str, now_s: int) -> int:
    """The id of the new row for `key`.  values: checked."""
    scopes = sorted(set(values["scopes"]))
    hidden = {"sha256": digest(key), "prefix": prefix(key), "scopes": scopes}
    return sql.add(connection, "key", {**values, **hidden}, now_s)


def _key(row: Mapping[str, Any]) -> Key:
    scopes = frozenset(map(Scope, row["scopes"]))
    return Key(id=row["id"], name=row["name"], scopes=scopes, site=row["site"], advertiser=row["advertiser"])
