"""From the rows of the catalogue's tables to its nouns. Pure; `catalog.load` reads the rows.

Rows are plain JSON values (a key's digest in hex), so that the last good ones can be kept in a file. One that an older
version kept lacks the newer fields; they have their defaults then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from adengine.catalog.dimensions import DIMENSIONS, targeting_of
from adengine.catalog.exclusive import BY_DEFAULT
from adengine.catalog.nouns import (
    NEARNESS,
    AtEnd,
    Blackout,
    Cap,
    Creative,
    Flight,
    Goal,
    Key,
    Level,
    Price,
    Roadblock,
    Rotation,
    Scope,
    Site,
    Slot,
    Tier,
    Unit,
    Variant,
    Without,
)
from adengine.catalog.snapshot import Catalogue

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Mapping[str, Any]
"""{"version": n, and by noun (sites, slots, keys, advertisers, campaigns, flights, creatives, landings) its rows}."""


def catalogue_of(rows: Rows) -> Catalogue:
    """Raises KeyError, ValueError or TypeError on rows that are not what the management API writes."""
    campaigns = {campaign["id"]: campaign for campaign in rows["campaigns"]}
    owners = {id_: campaign["advertiser"] for id_, campaign in campaigns.items()}
    return Catalogue(
        version=rows["version"],
        sites=tuple(map(site_of, rows["sites"])),
        slots=tuple(map(slot_of, rows["slots"])),
        keys=tuple((bytes.fromhex(row["sha256"]), key_of(row)) for row in rows["keys"]),
        advertisers={row["id"]: row["name"] for row in rows["advertisers"]},
        flights=tuple(flight_of(row, campaigns[row["campaign"]]) for row in rows["flights"]),
        creatives=tuple(creative_of(row, owners[row["campaign"]]) for row in rows["creatives"]),
        landings=tuple((row["creative"], row["version"], row["landing_url"]) for row in rows["landings"]),
    )


def site_of(row: Row) -> Site:
    return Site(
        id=row["id"],
        name=row["name"],
        domains=tuple(row["domains"]),
        timezone=row["timezone"],
        topics=dict(row["topics"]),
        exclusive=tuple(row.get("exclusive", BY_DEFAULT)),
        nearness=row.get("nearness", NEARNESS),
    )


def slot_of(row: Row) -> Slot:
    return Slot(
        id=row["id"],
        site=row["site"],
        name=row["name"],
        position=row["position"],
        label=row["label"],
        label_em=dict(row["label_em"]),
        background=row["background"],
        font=row["font"],
        font_px=row["font_px"],
        default_topics=tuple(row["default_topics"]),
        position_weight=row.get("position_weight", 1.0),
    )


def key_of(row: Row) -> Key:
    return Key(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(map(Scope, row["scopes"])),
        site=row["site"],
        advertiser=row["advertiser"],
    )


def flight_of(row: Row, campaign: Row) -> Flight:
    return Flight(
        id=row["id"],
        campaign=row["campaign"],
        advertiser=campaign["advertiser"],
        tier=Tier(row["tier"]),
        priority=row["priority"],
        weight=row["weight"],
        starts_at_s=row["starts_at_s"],
        ends_at_s=row["ends_at_s"],
        targeting=targeting_of(row["targeting"], DIMENSIONS),
        caps=tuple(Cap(per=Level[cap["per"].upper()], limit=cap["limit"], window=cap["window"]) for cap in row["caps"]),
        without_reader=Without(row["without_reader"]),
        cap_on_outage=Without(row["cap_on_outage"]),
        price=Price(model=row["price"]["model"], micros=row["price"]["micros"]),
        exclusions=tuple(row.get("exclusions", ())),
        roadblock=Roadblock(row.get("roadblock", Roadblock.NONE)),
        goal=_goal(row.get("goal")),
        daily_limit=row.get("daily_limit"),
        pacing=row.get("pacing", "even"),
        at_end=AtEnd(row.get("at_end", AtEnd.STOP)),
        blackouts=tuple(Blackout(from_s=span["from_s"], to_s=span["to_s"]) for span in row.get("blackouts", ())),
        rotation=Rotation(campaign.get("rotation", Rotation.EVEN)),
    )


def _goal(document: Row | None) -> Goal | None:
    """A goal has one member: its unit's name with its amount."""
    return next((Goal(unit=Unit(name), amount=amount) for name, amount in (document or {}).items()), None)


def creative_of(row: Row, advertiser: int) -> Creative:
    return Creative(
        id=row["creative"],
        version=row["version"],
        campaign=row["campaign"],
        advertiser=advertiser,
        landing_url=row["landing_url"],
        lang=row["lang"],
        variants=_variants(row["variants"]),
        categories=tuple(row["categories"]),
        weight=row.get("weight", 1.0),
    )


def _variants(rows: Sequence[Row]) -> tuple[Variant, ...]:
    return tuple(
        Variant(
            role=row["role"],
            text=row["text"],
            chars=row["chars"],
            cells=row["cells"],
            width_em=dict(row["width_em"]),
        )
        for row in rows
    )
