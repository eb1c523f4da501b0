"""Reads the rows that a snapshot is compiled from: out of the database, or the last good ones out of a signed file.

File: 32 bytes keyed BLAKE2b of the rest | the rows as JSON. It is written beside its place and renamed into it, so that
a reader sees the old file or the new one. Nothing in it is executed, whoever wrote it.
"""

from __future__ import annotations

import hmac
import os
import threading
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Select, or_, select

from adengine.catalog.nouns import Slot, State
from adengine.catalog.rows import Row, Rows, slot_of
from adengine.catalog.tables import (
    advertisers,
    api_keys,
    campaigns,
    catalogue_version,
    creative_versions,
    creatives,
    flights,
    sites,
    slots,
)
from adengine.errors import Unsafe
from adengine.store.sql import reading

LANDINGS_KEPT_S = 2 * 86_400
"""Clicks on an archived creative's last lines still arrive: their tokens live for a day."""
MAC_BYTES = 32


def version_of(engine: Engine) -> int:
    """The number of the catalogue's last edit; raises `DatabaseUnavailable`."""
    with reading(engine) as connection:
        return _version(connection)


def rows_of(engine: Engine, now_s: int) -> Rows:
    """Everything a snapshot needs, read in one transaction; raises `DatabaseUnavailable`."""
    with reading(engine) as connection:
        version = _version(connection)
        return {"version": version} | {noun: _read(connection, query) for noun, query in _queries(now_s).items()}


def slots_of(connection: Connection) -> list[Slot]:
    """The live slots of all sites."""
    return [slot_of(row) for row in _read(connection, select(slots).where(slots.c.archived_at_s.is_(None)))]


def saved_rows(path: Path, key: bytes) -> Rows | None:
    """The rows that `save_rows` wrote there, None without a file; raises `Unsafe` if anything in it was changed."""
    try:
        signed = path.read_bytes()
    except FileNotFoundError:
        return None
    mac, body = signed[:MAC_BYTES], signed[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(body, key)):
        raise Unsafe(f"{path} was not written by this engine or was damaged; it is ignored")
    rows: Rows = orjson.loads(body)
    return rows


def save_rows(path: Path, rows: Rows, key: bytes) -> None:
    body = orjson.dumps(rows)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_mac(body, key) + body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _mac(body: bytes, key: bytes) -> bytes:
    return blake2b(body, key=key, digest_size=MAC_BYTES).digest()


def _version(connection: Connection) -> int:
    return int(connection.execute(select(catalogue_version.c.version)).scalar_one_or_none() or 0)


def _read(connection: Connection, query: Select[Any]) -> list[Row]:
    return [
        {str(name): value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
        for row in connection.execute(query).mappings()
    ]


def _queries(now_s: int) -> dict[str, Select[Any]]:
    """What is live; a creative by the version that pages show."""
    live = {
        "sites": select(sites),
        "slots": select(slots),
        "keys": select(api_keys),
        "advertisers": select(advertisers),
        "campaigns": select(campaigns),
        "flights": select(flights),
    }
    version = creative_versions.c
    shown = (
        select(creatives.c.campaign, version.creative, version.version, version.landing_url, version.lang,
               version.variants, version.categories)
        .join(creatives, creatives.c.id == version.creative)
        .where(creatives.c.archived_at_s.is_(None), creatives.c.paused.is_(False))
        .where(version.version == creatives.c.serving_version, version.state == State.APPROVED.value)
    )  # fmt: skip
    landings = (
        select(version.creative, version.version, version.landing_url)
        .join(creatives, creatives.c.id == version.creative)
        .where(version.state == State.APPROVED.value)
        .where(or_(creatives.c.archived_at_s.is_(None), creatives.c.archived_at_s > now_s - LANDINGS_KEPT_S))
    )
    return {
        **{noun: query.where(query.get_final_froms()[0].c.archived_at_s.is_(None)) for noun, query in live.items()},
        "creatives": shown,
        "landings": landings,
    }
