"""Reads reach, and makes a reader unknown."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select, update

from adengine.catalog.tables import campaigns, flights
from adengine.counting.tables import flight_day, reached
from adengine.store.sql import reading, writing

READER_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    readers: int
    impressions: int
    """All of them, those of readers without a key included."""
    frequency: tuple[tuple[int, int], ...]
    """(how often, how many readers were shown it so often), ascending."""


def flights_of(connection: Connection, *, campaign: int | None, wanted: Sequence[int], owner: int | None) -> list[int]:
    """All flights of a campaign or those that are wanted, archived ones too, that `owner` may see.

    owner: an advertiser; None: anybody.
    """
    asked = flights.c.campaign == campaign if campaign is not None else flights.c.id.in_(wanted)
    query = select(flights.c.id).join(campaigns, campaigns.c.id == flights.c.campaign).where(asked)
    if owner is not None:
        query = query.where(campaigns.c.advertiser == owner)
    return list(connection.scalars(query))


def reach_of(connection: Connection, wanted: Sequence[int]) -> Reach:
    """Of all these flights together: whoever saw several of them is one reader."""
    by_reader = (
        select(func.sum(reached.c.impressions).label("times"))
        .where(reached.c.flight.in_(wanted))
        .group_by(reached.c.reader)
        .subquery()
    )
    histogram = select(by_reader.c.times, func.count()).group_by(by_reader.c.times).order_by(by_reader.c.times)
    frequency = tuple((int(times), int(readers)) for times, readers in connection.execute(histogram))
    shown = select(func.sum(flight_day.c.impressions)).where(flight_day.c.flight.in_(wanted))
    return Reach(
        readers=sum(readers for _, readers in frequency),
        impressions=int(connection.scalar(shown) or 0),
        frequency=frequency,
    )


def forget(engine: Engine, reader: bytes) -> int:
    """Gives a reader a random id, so that sums stay and nobody can tell whose they are; of how many flights."""
    with reading(engine) as connection:
        known = connection.scalar(select(func.count()).where(reached.c.reader == reader))
    if not known:
        return 0
    with writing(engine) as connection:
        another = secrets.token_bytes(READER_BYTES)
        return connection.execute(update(reached).where(reached.c.reader == reader).values(reader=another)).rowcount
