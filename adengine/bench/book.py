"""A seeded book of many creatives, and pages for it: what `bench` fills. Written to the tables in bulk.

Four creatives to a campaign, one flight each, four campaigns to an advertiser. Seven of ten flights name one to five
states, as many name one to three topics; three of ten have a cap of three a day, two of ten a goal (of the first
`GOALS_MAX`), so that caps, pacing and allocation all work at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert

from adengine.catalog import sql
from adengine.catalog.known import Known
from adengine.catalog.nouns import State, Tier
from adengine.catalog.tables import advertisers, campaigns, creative_versions, creatives, flights
from adengine.store.sql import writing
from adengine.texts import FONT_CLASSES

SEED = 20261123
CREATIVES_A_CAMPAIGN, CAMPAIGNS_AN_ADVERTISER = 4, 4
TARGETED, CAPPED, WITH_GOAL = 0.7, 0.3, 0.2
GOALS_MAX = 1000
"""Flights that a worker holds leases of."""
GOAL = 10**9
TOWNS = (
    "Remer,MN", "Duluth,MN", "Austin,TX", "Boise,ID", "Fargo,ND", "Tulsa,OK", "Reno,NV", "Salem,OR", "Macon,GA",
    "Flint,MI", "Akron,OH", "Utica,NY", "Erie,PA", "Provo,UT", "Tampa,FL", "Mesa,AZ", "Omaha,NE", "Wausau,WI",
    "Dover,DE", "Bangor,ME", "Helena,MT", "Laramie,WY", "Juneau,AK", "Hilo,HI", "Gary,IN", "Mobile,AL", "Dayton,OH",
    "Eugene,OR", "Fresno,CA", "Yuma,AZ",
)  # fmt: skip
STATES = (
    "Minnesota", "Texas", "Idaho", "North Dakota", "Oklahoma", "Nevada", "Oregon", "Georgia", "Michigan", "Ohio",
    "New York", "Pennsylvania", "Utah", "Florida", "Arizona", "Nebraska", "Wisconsin", "Delaware", "Maine", "Montana",
    "Wyoming", "Alaska", "Hawaii", "Indiana", "Alabama", "California", "Iowa", "Kansas", "Kentucky", "Colorado",
)  # fmt: skip
TOPICS_OFFERED = 60
LINES = (
    ("brand", "{name}"),
    ("short", "{name}: remote caching for every build, free for open source."),
    ("long", "{name}: remote caching for every build, free for open source, and a trial of fourteen days for teams."),
)
BATCH = 10_000
READERS = 100_000
"""So many that few come twice: where they do, caps refuse more and more, and no round is like the one before."""


class Book:
    """The words that flights and pages share."""

    def __init__(self, known: Known) -> None:
        self._known = known
        numbered = (known.taxonomy.numbered(number) for number in range(1, len(known.taxonomy) + 1))
        all_topics = [topic.id for topic in numbered if topic is not None]
        self.topics, self.spare_topics = all_topics[:TOPICS_OFFERED], all_topics[TOPICS_OFFERED:]
        self.states = [self._state(name) for name in STATES]

    def _state(self, name: str) -> str:
        place = self._known.gazetteer.resolve(f"{name}, US").place
        assert place is not None
        return str(place.id)

    def write(self, engine: Engine, creatives_wanted: int, now_s: int, progress: Callable[[int], None]) -> None:
        """progress: called with the number of creatives written so far."""
        chance = random.Random(SEED)
        with writing(engine) as connection:
            sql.begin_edit(connection)
            for begin in range(0, creatives_wanted, BATCH):
                numbers = range(begin, min(begin + BATCH, creatives_wanted))
                for table, rows in self._batch(numbers, chance, now_s):
                    _insert(connection, table, rows)
                progress(numbers.stop)

    def pages(self, slots: list[str]) -> Iterator[dict[str, Any]]:
        """Bodies of `POST /v1/fill`, without end."""
        chance = random.Random(SEED + 1)
        while True:
            yield {
                "page": {"topics": [chance.choice(self.topics)]},
                "reader": {"key": f"reader-{chance.randrange(READERS)}", "place": chance.choice(TOWNS)},
                "slots": [{"slot": name} for name in slots],
            }

    def _batch(self, numbers: range, chance: random.Random, now_s: int) -> Iterator[tuple[Table, list[dict[str, Any]]]]:
        standing = {"created_at_s": now_s, "updated_at_s": now_s, "revision": 1}
        of_campaigns = [n for n in numbers if n % CREATIVES_A_CAMPAIGN == 0]
        of_advertisers = [n for n in of_campaigns if n % (CREATIVES_A_CAMPAIGN * CAMPAIGNS_AN_ADVERTISER) == 0]
        yield (
            advertisers,
            [{"id": _advertiser(n), "name": f"Advertiser {_advertiser(n)}"} | standing for n in of_advertisers],
        )
        yield (
            campaigns,
            [
                {"id": _campaign(n), "advertiser": _advertiser(n), "name": "bench", "currency": "USD"} | standing
                for n in of_campaigns
            ],
        )
        yield flights, [self._flight(_campaign(n), chance, now_s) | standing for n in of_campaigns]
        yield (
            creatives,
            [
                {"id": FIRST + n, "campaign": _campaign(n), "paused": False, "latest_version": 1, "serving_version": 1}
                | standing
                for n in numbers
            ],
        )
        yield creative_versions, [_version(FIRST + n, now_s) for n in numbers]

    def _flight(self, id_: int, chance: random.Random, now_s: int) -> dict[str, Any]:
        targeting: dict[str, dict[str, Any]] = {}
        if chance.random() < TARGETED:
            targeting["places"] = {"include": chance.sample(self.states, chance.randint(1, 5))}
        if chance.random() < TARGETED:
            targeting["topics"] = {"include": chance.sample(self.topics, chance.randint(1, 3)), "match": "subtree"}
        is_capped, has_goal = chance.random() < CAPPED, chance.random() < WITH_GOAL
        return {
            "id": id_,
            "campaign": id_,
            "tier": Tier.STANDARD,
            "priority": 5,
            "weight": round(chance.uniform(0.5, 4.0), 3),
            "starts_at_s": now_s - 86_400,
            "ends_at_s": now_s + 30 * 86_400,
            "pacing": "asap",
            "targeting": targeting,
            "caps": [{"per": "flight", "limit": 3, "window": "1d"}] if is_capped else [],
            "without_reader": "skip",
            "cap_on_outage": "skip",
            "price": {"model": "cpm", "micros": 5_000_000},
            "exclusions": [],
            "goal": {"impressions": GOAL} if has_goal and id_ - FIRST < GOALS_MAX else None,
            "at_end": "stop",
            "blackouts": [],
        }


FIRST = 1000
"""The first id, above all of the demo's."""


def _campaign(n: int) -> int:
    return FIRST + n // CREATIVES_A_CAMPAIGN


def _advertiser(n: int) -> int:
    return FIRST + n // (CREATIVES_A_CAMPAIGN * CAMPAIGNS_AN_ADVERTISER)


def _version(creative: int, now_s: int) -> dict[str, Any]:
    name = f"Acme {creative}"
    texts = [(role, line.format(name=name)) for role, line in LINES]
    variants = [
        {
            "role": role,
            "text": text,
            "chars": len(text),
            "cells": len(text),
            "width_em": {font: round(0.5 * len(text), 3) for font in FONT_CLASSES},
        }
        for role, text in texts
    ]
    return {
        "creative": creative,
        "version": 1,
        "created_at_s": now_s,
        "state": State.APPROVED.value,
        "landing_url": f"https://acme-{creative}.example/",
        "lang": "en",
        "variants": variants,
        "categories": [],
        "warnings": [],
        "submitted_at_s": now_s,
        "decided_at_s": now_s,
    }


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
