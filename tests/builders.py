"""Nouns of the catalogue with sensible defaults, for tests that care about one or two fields: a_creative(weight=2)."""

from __future__ import annotations

from typing import Any

from adengine.catalog.compile import compile_snapshot
from adengine.catalog.nouns import (
    Among,
    Cap,
    Creative,
    Flight,
    Goal,
    Key,
    Level,
    Price,
    Rotation,
    Scope,
    Site,
    Slot,
    Targeting,
    Tier,
    Unit,
    Variant,
    Without,
)  # fmt: skip
from adengine.catalog.snapshot import Catalogue, Snapshot
from adengine.texts import FONT_CLASSES

NOW_S = 1_757_203_200
"""7 September 2025, 00:00 UTC, a Sunday."""
DAY_S = 86_400
EM_PER_CHAR = 0.5
QWIKET = (
    ("brand", "QWIKET"),
    ("short", "QWIKET: Elevate your fantasy game! Interactive Sports Knowledge."),
    (
        "long",
        "QWIKET: Elevate your fantasy game! Interactive Sports Knowledge and Reasoning Support for Fantasy Sports "
        "and Betting Enthusiasts.",
    ),
)


def a_variant(role: str = "brand", text: str = "QWIKET") -> Variant:
    """Every character is half an em wide, in every font."""
    width = dict.fromkeys(FONT_CLASSES, EM_PER_CHAR * len(text))
    return Variant(role=role, text=text, chars=len(text), cells=len(text), width_em=width)


def a_creative(id: int = 1, *, texts: tuple[tuple[str, str], ...] = QWIKET, **fields: Any) -> Creative:
    return Creative(
        **{
            "id": id,
            "version": 1,
            "campaign": 1,
            "advertiser": 1,
            "landing_url": f"https://sponsor.example/{id}",
            "lang": "en",
            "variants": tuple(a_variant(role, text) for role, text in texts),
            "categories": (),
        }
        | fields
    )


def a_flight(id: int = 1, **fields: Any) -> Flight:
    return Flight(
        **{
            "id": id,
            "campaign": 1,
            "advertiser": 1,
            "tier": Tier.STANDARD,
            "priority": 5,
            "weight": 1.0,
            "starts_at_s": NOW_S - DAY_S,
            "ends_at_s": None,
            "targeting": Targeting(),
            "caps": (),
            "without_reader": Without.SKIP,
            "cap_on_outage": Without.SKIP,
            "price": Price(model="cpm", micros=5_000_000),
            "rotation": Rotation.WEIGHTED,
        }
        | fields
    )


A_GOAL = Goal(unit=Unit.IMPRESSIONS, amount=1000)


def a_cap(limit: int = 1, per: Level = Level.FLIGHT, window: str = "1d") -> Cap:
    return Cap(per=per, limit=limit, window=window)


def among(*include: str, exclude: tuple[str, ...] = ()) -> Among:
    return Among(include=include, exclude=exclude)


def a_site(id: int = 1, **fields: Any) -> Site:
    return Site(
        **{"id": id, "name": "News", "domains": ("news.example",), "timezone": "America/Chicago", "topics": {}} | fields
    )


def a_slot(id: int = 1, **fields: Any) -> Slot:
    label_em = dict.fromkeys(FONT_CLASSES, EM_PER_CHAR * len("Sponsor: "))
    return Slot(
        **{
            "id": id,
            "site": 1,
            "name": "article-header",
            "position": "header",
            "label": "Sponsor",
            "label_em": label_em,
            "background": None,
            "font": "system-ui",
            "font_px": 16.0,
            "default_topics": (),
        }
        | fields
    )


def a_key(id: int = 1, *, scopes: tuple[Scope, ...] = (Scope.FILL,), site: int | None = 1, **fields: Any) -> Key:
    return Key(**{"id": id, "name": "pages", "scopes": frozenset(scopes), "site": site, "advertiser": None} | fields)


def a_catalogue(*flights: Flight, creatives: tuple[Creative, ...] | None = None, **fields: Any) -> Catalogue:
    """Those flights on one site with one slot; without `creatives`, each campaign has one with the campaign's id."""
    if creatives is None:
        owners = {flight.campaign: flight.advertiser for flight in flights}
        creatives = tuple(a_creative(id=c, campaign=c, advertiser=a) for c, a in owners.items())
    return Catalogue(
        **{
            "version": 1,
            "sites": (a_site(),),
            "slots": (a_slot(),),
            "keys": (),
            "advertisers": {flight.advertiser: f"Advertiser {flight.advertiser}" for flight in flights},
            "flights": flights,
            "creatives": creatives,
            "landings": tuple((c.id, c.version, c.landing_url) for c in creatives),
        }
        | fields
    )


def a_snapshot(*flights: Flight, now_s: int = NOW_S, **fields: Any) -> Snapshot:
    return compile_snapshot(a_catalogue(*flights, **fields), now_s)
