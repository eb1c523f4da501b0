"""Reads the rows that a snapshot is compiled from: all of them, or what was edited since a version."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, func, or_, select

from adengine.catalog.nouns import Rotation, Slot, State
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
from adengine.store.sql import reading

LANDINGS_KEPT_S = 2 * 86_400
"""Clicks on an archived creative's last lines still arrive: their tokens live for a day."""
BATCH = 5_000
BUILD_BYTES = 16
SUMMED = ("id", "edit", "updated_at_s")
CHANGED: Mapping[str, Callable[[int], ColumnElement[bool]]] = {
    "advertisers": lambda since: advertisers.c.edit > since,
    "campaigns": lambda since: campaigns.c.edit > since,
    "flights": lambda since: or_(
        flights.c.edit > since, flights.c.campaign.in_(select(campaigns.c.id).where(campaigns.c.edit > since))
    ),
    "creatives": lambda since: creatives.c.edit > since,
    "landings": lambda since: creatives.c.edit > since,
}
"""Which rows an edit touched; a flight changes with its campaign."""
GOES: Mapping[str, Table] = {
    "advertisers": advertisers,
    "campaigns": campaigns,
    "flights": flights,
    "creatives": creatives,
}


def version_of(engine: Engine) -> int:
    """The number of the catalogue's last edit; raises `DatabaseUnavailable`."""
    with reading(engine) as connection:
        return _version(connection)


def rows_of(engine: Engine, now_s: int) -> Rows:
    """Everything a snapshot needs, read in one transaction; raises `DatabaseUnavailable`."""
    with reading(engine) as connection:
        version = _version(connection)
        return {"version": version} | {noun: _read(connection, query) for noun, query in _queries(now_s).items()}


def paced_rows_of(engine: Engine, now_s: int) -> Rows:
    """What pacing looks at: slots, flights with a goal or a limit, their campaigns and optimised ones, and of these
    which creatives are shown, in which version, without texts. Raises `DatabaseUnavailable`.
    """
    queries = _queries(now_s)
    has_goal = or_(flights.c.goal.is_not(None), flights.c.daily_limit.is_not(None))
    of_goals = select(flights.c.campaign).where(has_goal, flights.c.archived_at_s.is_(None))
    wanted = or_(campaigns.c.rotation == Rotation.OPTIMISE.value, campaigns.c.id.in_(of_goals))
    shown = (
        select(creatives.c.id, creatives.c.campaign, creatives.c.serving_version.label("version"))
        .join(campaigns, campaigns.c.id == creatives.c.campaign)
        .where(wanted, creatives.c.serving_version.is_not(None))
        .where(creatives.c.archived_at_s.is_(None), creatives.c.paused.is_(False))
    )
    with reading(engine) as connection:
        return {
            "version": _version(connection),
            "slots": _read(connection, queries["slots"]),
            "campaigns": _read(connection, queries["campaigns"].where(wanted)),
            "flights": _read(connection, queries["flights"].where(has_goal)),
            "creatives": _read(connection, shown),
        }


def slots_of(connection: Connection) -> list[Slot]:
    """The live slots of all sites."""
    return [slot_of(row) for row in _read(connection, select(slots).where(slots.c.archived_at_s.is_(None)))]


def changes_of(
    engine: Engine, since: int | None, now_s: int, *, with_sums: bool = False
) -> Iterator[tuple[str, Sequence[Row]]]:
    """What was edited after the version `since` (None: everything), as (noun, rows) in batches, in one transaction.

    First ("version", [{"version": n, "last_flight": id, "sums": of the live flights}]), these if
    they are asked for; then whatever was edited, as {"id", "gone"}; then what is
    live, campaigns before what is in them. Of sites, slots and keys always all. Raises `DatabaseUnavailable`.
    """
    with reading(engine) as connection:
        last_flight = connection.scalar(select(func.max(flights.c.id))) or 0
        sums = _sums(connection) if with_sums else None
        yield "version", [{"version": _version(connection), "last_flight": last_flight, "sums": sums}]
        for noun, table in GOES.items() if since is not None else ():
            gone = select(table.c.id).where(table.c.edit > since)
            yield from ((noun, [{**row, "gone": True} for row in rows]) for rows in _batches(connection, gone))
        for noun, query in _queries(now_s).items():
            if since is not None and noun in CHANGED:
                query = query.where(CHANGED[noun](since))
            yield from ((noun, rows) for rows in _batches(connection, query))


def build() -> str:
    """Another one as soon as any code of this engine or its taxonomy is, of which columns are made."""
    package = Path(__file__).parents[1]
    running = blake2b(digest_size=BUILD_BYTES)
    for path in sorted([*package.rglob("*.py"), *(package / "topics").glob("*.json")]):
        running.update(path.read_bytes())
    return running.hexdigest()


def _sums(connection: Connection) -> list[int]:
    """Of the live flights: their number, then of each column; a database that was put back hardly has the same."""
    query = select(func.count(), *(func.sum(flights.c[name]) for name in SUMMED)).where(
        flights.c.archived_at_s.is_(None)
    )
    return [int(total or 0) for total in connection.execute(query).one()]


def _version(connection: Connection) -> int:
    return int(connection.execute(select(catalogue_version.c.version)).scalar_one_or_none() or 0)


def _read(connection: Connection, query: Select[Any]) -> list[Row]:
    return [_plain(row) for row in connection.execute(query).mappings()]


def _batches(connection: Connection, query: Select[Any]) -> Iterator[list[Row]]:
    found = connection.execution_options(yield_per=BATCH).execute(query).mappings()
    for rows in found.partitions():
        yield [_plain(row) for row in rows]


def _plain(row: Mapping[Any, Any]) -> Row:
    return {str(name): value.hex() if isinstance(value, bytes) else value for name, value in row.items()}


def _queries(now_s: int) -> dict[str, Select[Any]]:
    """What is live; a creative by the version that pages show; landings of all other versions that were approved."""
    live = {
        "sites": select(sites),
        "slots": select(slots),
        "keys": select(api_keys),
        "advertisers": select(advertisers),
        "campaigns": select(campaigns),
        "flights": select(flights),
    }
    version = creative_versions.c
    # Not by the index of states, which SQLite would take for want of statistics: nearly all are approved.
    is_approved = version.state.concat("") == State.APPROVED.value
    shown = (
        select(creatives.c.campaign, version.creative, version.version, version.landing_url, version.lang,
               version.variants, version.categories, creatives.c.weight)
        .join(creatives, creatives.c.id == version.creative)
        .where(creatives.c.archived_at_s.is_(None), creatives.c.paused.is_(False))
        .where(version.version == creatives.c.serving_version, is_approved)
    )  # fmt: skip
    landings = (
        select(version.creative, version.version, version.landing_url, creatives.c.archived_at_s)
        .join(creatives, creatives.c.id == version.creative)
        .where(is_approved)
        .where(or_(creatives.c.archived_at_s.is_(None), creatives.c.archived_at_s > now_s - LANDINGS_KEPT_S))
        .where(
            or_(
                creatives.c.archived_at_s.is_not(None),
                creatives.c.paused.is_(True),
                creatives.c.serving_version.is_distinct_from(version.version),
            )
        )
    )
    return {
        **{noun: query.where(query.get_final_froms()[0].c.archived_at_s.is_(None)) for noun, query in live.items()},
        "creatives": shown,
        "landings": landings,
    }
