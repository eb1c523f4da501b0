"""The catalogue's SQL tables: what the management API writes and the snapshot reads.

Ids are dense whole numbers, times epoch seconds. Nothing is ever deleted: `archived_at_s` is set instead, in the same
transaction on everything below (an advertiser's campaigns, their flights and creatives; a site's slots; their keys),
so that a row is live exactly when its own `archived_at_s` is null. `revision` grows by one with each change; it is the
etag. JSON columns hold documents that `schemas`, `flights` and `creatives` have already normalised.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from adengine.store.sql import metadata


def _standing() -> list[Column[Any]]:
    """The columns that every object of the API has."""
    return [
        Column("id", Integer, primary_key=True),
        Column("created_at_s", BigInteger, nullable=False),
        Column("updated_at_s", BigInteger, nullable=False),
        Column("archived_at_s", BigInteger),
        Column("revision", Integer, nullable=False),
        Column(
            "edit", BigInteger, nullable=False, server_default="0", index=True, comment="the catalogue's version then"
        ),
    ]


catalogue_version = Table(
    "catalogue_version",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    comment="One row; every edit adds one in its own transaction, first thing, so that edits queue here in order.",
)

sites = Table(
    "sites",
    metadata,
    *_standing(),
    Column("name", Text, nullable=False),
    Column("domains", JSON, nullable=False, comment='["news.example"]'),
    Column("timezone", String(64), nullable=False, comment="IANA name"),
    Column("topics", JSON, nullable=False, comment="casefolded alias -> taxonomy id"),
    Column("exclusive", JSON, comment="names of catalog.exclusive; never null"),
    Column("nearness", Float, nullable=False, server_default="3", comment="factor of a step nearer to the reader"),
)

slots = Table(
    "slots",
    metadata,
    *_standing(),
    Column("site", ForeignKey("sites.id"), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("position", String(64), nullable=False),
    Column("label", Text, nullable=False),
    Column("label_em", JSON, nullable=False, comment="font class -> advance width of 'label: ' in em"),
    Column("background", String(7), comment="#rrggbb, or null"),
    Column("font", String(16), nullable=False, comment="a row of texts.FONT_CLASSES"),
    Column("font_px", Float, nullable=False),
    Column("default_topics", JSON, nullable=False, comment="taxonomy ids"),
    Column("position_weight", Float, nullable=False, server_default="1"),
)
Index(
    "uq_slots_live_name",
    slots.c.site,
    slots.c.name,
    unique=True,
    sqlite_where=slots.c.archived_at_s.is_(None),
    postgresql_where=slots.c.archived_at_s.is_(None),
)

advertisers = Table("advertisers", metadata, *_standing(), Column("name", Text, nullable=False))

campaigns = Table(
    "campaigns",
    metadata,
    *_standing(),
    Column("advertiser", ForeignKey("advertisers.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("currency", String(3), nullable=False, comment="ISO 4217"),
    Column("rotation", String(12), nullable=False, server_default="even", comment="nouns.Rotation"),
)

flights = Table(
    "flights",
    metadata,
    *_standing(),
    Column("campaign", ForeignKey("campaigns.id"), nullable=False, index=True),
    Column("tier", Integer, nullable=False, comment="nouns.Tier"),
    Column("priority", Integer, nullable=False, comment="1..10, 1 first"),
    Column("weight", Float, nullable=False),
    Column("starts_at_s", BigInteger, nullable=False),
    Column("ends_at_s", BigInteger),
    Column("pacing", String(8), nullable=False, comment="even, front or asap; only a goal gives it an effect"),
    Column("targeting", JSON, nullable=False, comment='{dimension: {"include": [], "exclude": [], option: …}}'),
    Column("caps", JSON, nullable=False, comment='[{"per": "creative", "limit": 3, "window": "1d"}]'),
    Column("without_reader", String(8), nullable=False, comment="nouns.Without"),
    Column("cap_on_outage", String(8), nullable=False, comment="nouns.Without"),
    Column("price", JSON, nullable=False, comment='{"model": "cpm|cpc|flat", "micros": n}'),
    Column("exclusions", JSON, comment="labels, lower-case; never null"),
    Column("roadblock", String(16), nullable=False, server_default="none", comment="nouns.Roadblock"),
    Column("goal", JSON(none_as_null=True), comment='{"impressions|clicks|spend_micros|share": amount}, or null'),
    Column("daily_limit", BigInteger, comment="impressions a day, or null"),
    Column("at_end", String(8), nullable=False, comment="nouns.AtEnd"),
    Column("blackouts", JSON, nullable=False, comment='[{"from_s": n, "to_s": n}]'),
)

flight_terms = Table(
    "flight_terms",
    metadata,
    Column("flight", ForeignKey("flights.id"), primary_key=True, autoincrement=False),
    Column("until_s", BigInteger, primary_key=True, autoincrement=False, comment="when they were edited"),
    Column("starts_at_s", BigInteger, nullable=False),
    Column("ends_at_s", BigInteger),
    Column("price", JSON, nullable=False),
    comment="What the flat price of a flight was spread over before an edit: what has fallen due stays as it was.",
)

creatives = Table(
    "creatives",
    metadata,
    *_standing(),
    Column("campaign", ForeignKey("campaigns.id"), nullable=False, index=True),
    Column("paused", Boolean, nullable=False),
    Column("latest_version", Integer, nullable=False),
    Column("serving_version", Integer, comment="the approved version that pages show; null: none"),
    Column("weight", Float, nullable=False, server_default="1", comment="in a campaign of weighted rotation"),
)

creative_versions = Table(
    "creative_versions",
    metadata,
    Column("creative", ForeignKey("creatives.id"), primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="1, 2, … 65535"),
    Column("created_at_s", BigInteger, nullable=False),
    Column("state", String(8), nullable=False, comment="nouns.State; past draft, the text never changes"),
    Column("landing_url", Text, nullable=False),
    Column("lang", String(35), nullable=False, comment="BCP 47"),
    Column("variants", JSON, nullable=False, comment='[{"role", "text", "chars", "cells", "width_em": {class: em}}]'),
    Column("categories", JSON, nullable=False),
    Column("warnings", JSON, nullable=False, comment="what the checks found odd but not wrong"),
    Column("submitted_at_s", BigInteger),
    Column("decided_at_s", BigInteger),
    Column("decided_by", Integer, comment="the reviewer's key"),
    Column("reason", Text, comment="why it was rejected, for the advertiser"),
)
Index("ix_creative_versions_state", creative_versions.c.state, creative_versions.c.creative)

api_keys = Table(
    "api_keys",
    metadata,
    *_standing(),
    Column("name", Text, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False, comment="the key's first letters, to tell keys apart"),
    Column("scopes", JSON, nullable=False, comment="sorted nouns.Scope"),
    Column("site", ForeignKey("sites.id")),
    Column("advertiser", ForeignKey("advertisers.id")),
    comment="A revoked key is an archived one.",
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", Integer, primary_key=True, autoincrement=False, comment="the id of the caller's key"),
    Column("name", String(255), primary_key=True, comment="the Idempotency-Key header"),
    Column("request_sha256", LargeBinary(32), nullable=False, comment="of method, address, media type and body"),
    Column("status", Integer, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at_s", BigInteger, nullable=False, index=True),
)
