"""Keeps the answers of named requests in the transaction of what they did, and gives them back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from adengine.catalog.idempotency.requests import HEADER, Named
from adengine.catalog.sql import begin_edit
from adengine.catalog.tables import idempotency
from adengine.errors import Invalid, Mistake
from adengine.store.sql import reading, writing

KEPT_S = 2 * 86_400
"""A caller who has not had his answer tries again within minutes, not days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an edit answers."""

    status: int
    document: dict[str, Any]


def once(engine: Engine, request: Named | None, now_s: int, edit: Callable[[Connection], Made]) -> Made:
    """The answer of `edit`, run in one transaction; for a request that was named before, the answer it got then.

    Edits queue (`begin_edit`), so of copies that arrive together one is done and the others find its answer.
    """
    if request is not None and (kept := answered(engine, request)):
        return kept
    with writing(engine) as connection:
        begin_edit(connection)
        if request is not None and (kept := _kept(connection, request)):
            return kept
        made = edit(connection)
        if request is not None:
            _keep(connection, request, made, now_s)
        return made


def answered(engine: Engine, request: Named) -> Made | None:
    """What the request was answered before; raises `Invalid` if its name was another request's."""
    with reading(engine) as connection:
        return _kept(connection, request)


def _kept(connection: Connection, request: Named) -> Made | None:
    query = select(idempotency).where(idempotency.c.caller == request.caller, idempotency.c.name == request.name)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    if row["request_sha256"] != request.sha256:
        raise Invalid([Mistake(f"header:{HEADER}", "this name was given to another request before; choose a new one")])
    return Made(status=row["status"], document=row["answer"])


def _keep(connection: Connection, request: Named, made: Made, now_s: int) -> None:
    connection.execute(delete(idempotency).where(idempotency.c.created_at_s < now_s - KEPT_S))
    connection.execute(
        insert(idempotency).values(
            caller=request.caller,
            name=request.name,
            request_sha256=request.sha256,
            status=made.status,
            answer=made.document,
            created_at_s=now_s,
        )
    )
