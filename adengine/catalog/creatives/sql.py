"""Reading and writing creatives: a row for what stands, a row for each version of its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, tuple_, update

from adengine.catalog import sql
from adengine.catalog.creatives.schema import STANDING_FIELDS, TEXT_FIELDS, drafted, says_the_same, text_of
from adengine.catalog.creatives.states import Standing, edited, step
from adengine.catalog.nouns import Key, State
from adengine.catalog.sql import Row
from adengine.catalog.tables import creative_versions, creatives

VERSIONS_PER_QUERY = 200
ROWS_PER_INSERT = 500


def add(connection: Connection, values: Mapping[str, Any], now_s: int) -> int:
    """The id of a new draft."""
    return add_all(connection, [drafted(values)], now_s)[0]


def add_all(connection: Connection, drafts: Sequence[Mapping[str, Any]], now_s: int) -> list[int]:
    """The ids of new drafts, in the order of `drafts` (`schema.drafted`)."""
    made: list[int] = []
    for start in range(0, len(drafts), ROWS_PER_INSERT):
        some = drafts[start : start + ROWS_PER_INSERT]
        edit = connection.execute(select(sql.THIS_EDIT)).scalar_one()
        rows = [_new(now_s, edit) | {name: draft[name] for name in STANDING_FIELDS} for draft in some]
        query = insert(creatives).returning(creatives.c.id, sort_by_parameter_order=True)
        added = list(connection.execute(query, rows).scalars())
        texts = [
            _version(id_, 1, State.DRAFT, _without_standing(draft), now_s)
            for id_, draft in zip(added, some, strict=True)
        ]
        connection.execute(insert(creative_versions), texts)
        made += added
    return made


def change(connection: Connection, row: Row, given: Mapping[str, Any], now_s: int) -> None:
    """Writes the `given` values: a weight at once, a text into a draft or into the next version of anything else."""
    new = {name: given[name] for name in TEXT_FIELDS if name in given}
    weight = {"weight": given["weight"]} if given.get("weight", row["weight"]) != row["weight"] else {}
    if says_the_same(row, new):
        if weight:
            sql.touch(connection, "creative", row["id"], now_s, weight)
        return
    at, values = standing_of(row), {name: row[name] for name in TEXT_FIELDS} | new
    after = edited(at)
    if after.latest == at.latest:
        where = (creative_versions.c.creative == row["id"]) & (creative_versions.c.version == at.latest)
        connection.execute(update(creative_versions).where(where).values(**text_of(values)))
    else:
        version = _version(row["id"], after.latest, after.state, text_of(values), now_s)
        connection.execute(insert(creative_versions).values(**version))
    sql.touch(connection, "creative", row["id"], now_s, {"latest_version": after.latest} | weight)


def take_step(connection: Connection, row: Row, verb: str, key: Key, now_s: int, *, reason: str | None = None) -> None:
    """Moves a creative just found along its way through review; raises `Conflict` where `verb` leads nowhere."""
    stepped = step(verb, standing_of(row))
    if stepped.decided is not None:
        version, state = stepped.decided
        where = (creative_versions.c.creative == row["id"]) & (creative_versions.c.version == version)
        said = (
            {"submitted_at_s": now_s}
            if state is State.PENDING
            else {"decided_at_s": now_s, "decided_by": key.id, "reason": reason}
        )
        connection.execute(update(creative_versions).where(where).values(state=state.value, **said))
    new = {"paused": stepped.standing.paused, "serving_version": stepped.standing.serving}
    sql.touch(connection, "creative", row["id"], now_s, new)


def with_text(connection: Connection, rows: Sequence[Row]) -> list[Row]:
    """Each row of `creatives` with its newest version's text and review, `status` and `review` spelled out."""
    versions: dict[int, Row] = {}
    pairs = [(row["id"], row["latest_version"]) for row in rows]
    for start in range(0, len(pairs), VERSIONS_PER_QUERY):
        named = tuple_(creative_versions.c.creative, creative_versions.c.version)
        query = select(creative_versions).where(named.in_(pairs[start : start + VERSIONS_PER_QUERY]))
        versions |= {row["creative"]: dict(row) for row in connection.execute(query).mappings()}
    return [_described(row, versions[row["id"]]) for row in rows]


def waiting(connection: Connection, *, after: int, count: int) -> list[Row]:
    """At most `count` creatives whose newest version waits for a reviewer, by rising id from the one behind `after`."""
    newest = (creative_versions.c.creative == creatives.c.id) & (
        creative_versions.c.version == creatives.c.latest_version
    )
    query = (
        select(creatives)
        .join(creative_versions, newest)
        .where(creative_versions.c.state == State.PENDING.value, creatives.c.archived_at_s.is_(None))
        .where(creatives.c.id > after)
        .order_by(creatives.c.id)
        .limit(count)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def standing_of(row: Row) -> Standing:
    """row: as `with_text` gives it."""
    return Standing(
        latest=row["latest_version"],
        state=State(row["review"]["state"]),
        serving=row["serving_version"],
        paused=row["paused"],
    )


def _without_standing(draft: Mapping[str, Any]) -> Row:
    return {name: value for name, value in draft.items() if name not in STANDING_FIELDS}


def _new(now_s: int, edit: int) -> Row:
    standing = {"created_at_s": now_s, "updated_at_s": now_s, "revision": 1, "edit": edit}
    return standing | {"paused": False, "latest_version": 1, "serving_version": None}


def _version(creative: int, version: int, state: State, text: Mapping[str, Any], now_s: int) -> Row:
    submitted = None if state is State.DRAFT else now_s
    made = {"creative": creative, "version": version, "state": state.value, "created_at_s": now_s}
    return made | {"submitted_at_s": submitted, **text}


def _described(row: Row, version: Row) -> Row:
    review = {name: version[name] for name in ("state", "submitted_at_s", "decided_at_s", "reason")}
    text = {name: version[name] for name in (*TEXT_FIELDS, "warnings")}
    described = row | text | {"version": row["latest_version"], "review": review}
    return described | {"status": standing_of(described).status}
