"""The QWIKET demo: a small paper in Remer, Minnesota, with its sponsors, written as the management API would write it.

Seeding again changes nothing; keys that still work stay. The demo's flights stand at a low priority, so that what a
visitor books himself, at the default one, goes first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from adengine.catalog import ids, sql
from adengine.catalog.collections import BY_NOUN
from adengine.catalog.creatives import sql as creatives_sql
from adengine.catalog.documents import read
from adengine.catalog.keys import sql as keys_sql
from adengine.catalog.keys.sql import OPERATOR
from adengine.catalog.known import Known
from adengine.catalog.nouns import Scope
from adengine.catalog.tables import advertisers, sites
from adengine.console.story import DOMAIN, HEADER_SLOT
from adengine.store.sql import reading, writing
from adengine.web.auth import digest

KEYS_FILE = "demo-keys.json"
BEGINNING = "2025-09-01T00:00:00Z"
PRIORITY = 7
HOUSE = "The Remer Reader"

SITE = {
    "name": "demo",
    "domains": [DOMAIN],
    "timezone": "America/Chicago",
    "topics": {"fantasy": "fantasy-sports", "outdoors": "fishing-sports", "garden": "gardening"},
}
SLOTS: tuple[Mapping[str, Any], ...] = (
    {"name": HEADER_SLOT, "position": "header", "background": "#fff"},
    {"name": "rail", "position": "rail", "background": "#fff", "font": "arial", "font_px": 14},
    {"name": "footer", "position": "footer", "background": "#fff", "font": "georgia", "font_px": 15},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sponsor:
    """An advertiser with one campaign, one flight and its creatives."""

    name: str
    places: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    tier: str = "standard"
    caps: tuple[Mapping[str, Any], ...] = ()
    price: Mapping[str, Any]
    landing_url: str
    lines: tuple[tuple[str, str, str], ...]
    """(brand, short, long) of each creative."""


THREE_A_DAY = ({"per": "creative", "limit": 3, "window": "1d"},)
SPONSORS: tuple[Sponsor, ...] = (
    Sponsor(
        name="QWIKET",
        places=("Minnesota, US",),
        topics=("sports",),
        caps=THREE_A_DAY,
        price={"model": "cpm", "micros": 12_000_000},
        landing_url="https://qwiket.example/",
        lines=(
            (
                "QWIKET",
                "QWIKET: Elevate your fantasy game! Interactive Sports Knowledge.",
                "QWIKET: Elevate your fantasy game! Interactive Sports Knowledge and Reasoning Support for Fantasy "
                "Sports and Betting Enthusiasts.",
            ),
        ),
    ),
    Sponsor(
        name="Big Rice Greenhouse",
        places=("Minnesota, US", "Wisconsin, US"),
        topics=("gardening",),
        caps=THREE_A_DAY,
        price={"model": "cpm", "micros": 8_000_000},
        landing_url="https://big-rice-greenhouse.example/spring",
        lines=(
            (
                "Big Rice Greenhouse",
                "Big Rice Greenhouse: seedlings that know a northern May.",
                "Big Rice Greenhouse: seedlings that know a northern May, potting soil and honest advice, every day "
                "until frost.",
            ),
        ),
    ),
    Sponsor(
        name="Thunder Lake Credit Union",
        places=("Cass County, Minnesota, US", "Itasca County, Minnesota, US"),
        topics=("personal-finance",),
        caps=({"per": "advertiser", "limit": 5, "window": "calendar_day"},),
        tier="network",
        price={"model": "cpc", "micros": 400_000},
        landing_url="https://thunder-lake-cu.example/boats",
        lines=(
            (
                "Thunder Lake Credit Union",
                "Thunder Lake Credit Union: boat loans from people who fish.",
                "Thunder Lake Credit Union: boat, dock and cabin loans from people who fish here too, decided here.",
            ),
        ),
    ),
    Sponsor(
        name="Cais Novo Coffee",
        places=("PT",),
        caps=THREE_A_DAY,
        price={"model": "cpm", "micros": 6_000_000},
        landing_url="https://cais-novo.example/",
        lines=(
            (
                "Cais Novo Coffee",
                "Cais Novo Coffee: roasted by the river, sent by noon.",
                "Cais Novo Coffee: roasted by the river every morning and sent all over Portugal by noon.",
            ),
        ),
    ),
    Sponsor(
        name=HOUSE,
        tier="house",
        price={"model": "flat", "micros": 0},
        landing_url="https://demo.example/subscribe",
        lines=(
            (
                "The Remer Reader",
                "The Remer Reader: news from the north woods.",
                "The Remer Reader: news from the north woods, in your mailbox every Thursday. Subscribe today.",
            ),
            (
                "Reader Classifieds",
                "Reader Classifieds: sell the old outboard.",
                "Reader Classifieds: sell the old outboard, find a good dog, three lines for three dollars.",
            ),
        ),
    ),
)


def seed(engine: Engine, data_dir: Path, shipped: Known, now_s: int) -> dict[str, str]:
    """The demo's living keys by scope, written to `KEYS_FILE` too; whatever was there already is left alone."""
    with writing(engine) as connection:
        if not _is_seeded(connection):
            sql.begin_edit(connection)
            _write(connection, shipped, now_s)
    keys = _living(engine, data_dir / KEYS_FILE)
    for scope in Scope:
        if scope.value not in keys:
            keys[scope.value] = keys_sql.create(engine, _key_document(engine, scope), shipped, now_s).key
    _keep(data_dir / KEYS_FILE, keys)
    return keys


def _is_seeded(connection: Connection) -> bool:
    living = select(sites.c.domains).where(sites.c.archived_at_s.is_(None))
    return any(DOMAIN in domains for domains in connection.execute(living).scalars())


def _write(connection: Connection, shipped: Known, now_s: int) -> None:
    site = add(connection, "site", SITE, shipped, now_s)
    for slot in SLOTS:
        add(connection, "slot", {"site": site, **slot}, shipped, now_s)
    for sponsor in SPONSORS:
        _write_sponsor(connection, sponsor, shipped, now_s)


def _write_sponsor(connection: Connection, sponsor: Sponsor, shipped: Known, now_s: int) -> None:
    advertiser = add(connection, "advertiser", {"name": sponsor.name}, shipped, now_s)
    named = {"advertiser": advertiser, "name": f"{sponsor.name}, demo", "currency": "USD"}
    campaign = add(connection, "campaign", named, shipped, now_s)
    add(connection, "flight", _flight(sponsor, campaign), shipped, now_s)
    for line in sponsor.lines:
        variants = [{"role": role, "text": text} for role, text in zip(("brand", "short", "long"), line, strict=True)]
        document = {"campaign": campaign, "landing_url": sponsor.landing_url, "lang": "en", "variants": variants}
        approve(connection, add(connection, "creative", document, shipped, now_s), now_s)


def _flight(sponsor: Sponsor, campaign: str) -> dict[str, Any]:
    targeting = {"places": sponsor.places, "topics": sponsor.topics}
    return {
        "campaign": campaign,
        "tier": sponsor.tier,
        "priority": PRIORITY,
        "starts_at": BEGINNING,
        "targeting": {name: {"include": list(members)} for name, members in targeting.items() if members},
        "caps": [dict(cap) for cap in sponsor.caps],
        "price": dict(sponsor.price),
    }


def add(connection: Connection, noun: str, document: Mapping[str, Any], shipped: Known, now_s: int) -> str:
    """The public id of what the document describes; raises `Invalid` with all its mistakes."""
    collection = BY_NOUN[noun]
    known = sql.known(connection, [document], collection, OPERATOR, shipped)
    values = read(collection.form(), document, known)
    add = (
        creatives_sql.add(connection, values, now_s) if noun == "creative" else sql.add(connection, noun, values, now_s)
    )
    return ids.public(noun, add)


def approve(connection: Connection, creative: str, now_s: int) -> None:
    for verb in ("submit", "approve"):
        row = sql.find(connection, "creative", ids.parse("creative", creative), OPERATOR)
        creatives_sql.take_step(connection, creatives_sql.with_text(connection, [row])[0], verb, OPERATOR, now_s)


def _key_document(engine: Engine, scope: Scope) -> dict[str, Any]:
    document: dict[str, Any] = {"name": f"demo, {scope.value}", "scopes": [scope.value]}
    if scope is Scope.ADVERTISE:
        with reading(engine) as connection:
            query = select(advertisers.c.id).where(
                advertisers.c.name == SPONSORS[0].name, advertisers.c.archived_at_s.is_(None)
            )
            document["advertiser"] = ids.public("advertiser", connection.execute(query).scalars().one())
    return document


def _living(engine: Engine, path: Path) -> dict[str, str]:
    """The keys in the file that the database still knows."""
    try:
        kept = json.loads(path.read_text("ascii"))
    except (OSError, ValueError):
        return {}
    return {scope: key for scope, key in kept.items() if keys_sql.key_of(engine, digest(key)) is not None}


def _keep(path: Path, keys: Mapping[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        json.dump(keys, file, indent=2)
        file.write("\n")
