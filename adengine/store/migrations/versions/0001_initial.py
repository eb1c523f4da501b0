"""The first schema: catalogue, counting, and the tie between database and store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "advertisers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_s", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_advertisers")),
    )
    op.create_table(
        "catalogue_version",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_version")),
        comment="One row; every edit adds one in its own transaction, first thing, so that edits queue here in order.",
    )
    op.create_table(
        "consumer_lease",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="1; there is one consumer"),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.Column(
            "fence",
            sa.BigInteger(),
            nullable=False,
            comment="grows with each change of holder; older ones may not write",
        ),
        sa.Column("expires_at_s", sa.BigInteger(), nullable=False),
        sa.Column("drained_at_s", sa.BigInteger(), nullable=False, comment="all events up to here are in the rollups"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consumer_lease")),
    )
    op.create_table(
        "dead_letter",
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False, comment="as it stood in the stream"),
        sa.PrimaryKeyConstraint("bucket", "epoch", "ms", "seq", name=op.f("pk_dead_letter")),
        comment="Events that could not be read, kept for a person to look at.",
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.Integer(), autoincrement=False, nullable=False, comment="the id of the caller's key"),
        sa.Column("name", sa.String(length=255), nullable=False, comment="the Idempotency-Key header"),
        sa.Column(
            "request_sha256",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="of method, address, media type and body",
        ),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "name", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_created_at_s"), "idempotency", ["created_at_s"], unique=False)
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="1; there is one row"),
        sa.Column(
            "store_id", sa.String(length=32), nullable=False, comment="also kept in the store, under keys.INSTALLATION"
        ),
        sa.Column(
            "is_confirmed",
            sa.Boolean(),
            nullable=False,
            comment="the store has it; until then an empty store may be it",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
        comment="The one Valkey/Redis of this database: caps and streams in two stores would be neither exact nor whole.",
    )
    op.create_table(
        "rollup",
        sa.Column("quarter_s", sa.BigInteger(), nullable=False, comment="begin of a quarter of an hour, epoch s, UTC"),
        sa.Column("metric", sa.SmallInteger(), nullable=False, comment="counting.metrics.Metric"),
        sa.Column("site", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False, comment="0: not registered"),
        sa.Column("flight", sa.BigInteger(), nullable=False, comment="0: none, here and in creative and version"),
        sa.Column("creative", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("variant", sa.SmallInteger(), nullable=False, comment="index of the role; 255: not known"),
        sa.Column("tier", sa.SmallInteger(), nullable=False, comment="nouns.Tier; 255: none"),
        sa.Column("place", sa.BigInteger(), nullable=False, comment="stable id of places; 0: not known"),
        sa.Column("topic", sa.BigInteger(), nullable=False, comment="int(id, 36); 0: none"),
        sa.Column(
            "reason", sa.String(length=64), nullable=False, comment="no-fill or invalid reason, or the cap; empty: none"
        ),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False, comment="millionths of the campaign's currency"),
        sa.PrimaryKeyConstraint(
            "quarter_s",
            "metric",
            "site",
            "slot",
            "flight",
            "creative",
            "version",
            "variant",
            "tier",
            "place",
            "topic",
            "reason",
            name=op.f("pk_rollup"),
        ),
        comment="Sums by quarter of an hour and cell.",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_rollup_flight", "rollup", ["flight", "quarter_s"], unique=False)
    op.create_table(
        "seen",
        sa.Column(
            "id", sa.LargeBinary(length=24), nullable=False, comment="of the event, as counting.postings makes it"
        ),
        sa.Column("quarter_s", sa.BigInteger(), nullable=False, comment="the quarter of an hour it was counted in"),
        sa.Column("metric", sa.SmallInteger(), nullable=False, comment="counting.metrics.Metric"),
        sa.Column("flight", sa.BigInteger(), nullable=False, comment="0: none"),
        sa.Column("reason", sa.String(length=64), nullable=False, comment="why it does not count; empty: it does"),
        sa.Column("n", sa.Integer(), nullable=False, comment="1; for a fill, its slots"),
        sa.Column("micros", sa.BigInteger(), nullable=False, comment="what was charged for it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seen")),
        comment="Every event that was counted, kept for days: its key judges whether another copy is one.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_seen_quarter_s"), "seen", ["quarter_s"], unique=False)
    op.create_table(
        "sites",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_s", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("domains", sa.JSON(), nullable=False, comment='["news.example"]'),
        sa.Column("timezone", sa.String(length=64), nullable=False, comment="IANA name"),
        sa.Column("topics", sa.JSON(), nullable=False, comment="casefolded alias -> taxonomy id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
    )
    op.create_table(
        "stream_offset",
        sa.Column("bucket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "epoch", sa.LargeBinary(length=32), nullable=False, comment="of the stream that the offset belongs to"
        ),
        sa.Column("last_ms", sa.BigInteger(), nullable=False, comment="last_ms-last_seq: the last counted entry's id"),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column(
            "entries", sa.BigInteger(), nullable=False, comment="how many of this epoch were counted up to there"
        ),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="of the consumer that wrote it"),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_stream_offset")),
        comment="How far each bucket's stream is in the rollups; written in their transaction.",
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_s", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "prefix", sa.String(length=16), nullable=False, comment="the key's first letters, to tell keys apart"
        ),
        sa.Column("scopes", sa.JSON(), nullable=False, comment="sorted nouns.Scope"),
        sa.Column("site", sa.Integer(), nullable=True),
        sa.Column("advertiser", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["advertiser"], ["advertisers.id"], name=op.f("fk_api_keys_advertiser_advertisers")),
        sa.ForeignKeyConstraint(["site"], ["sites.id"], name=op.f("fk_api_keys_site_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_keys_sha256")),
        comment="A revoked key is an archived one.",
    )
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_s", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("advertiser", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False, comment="ISO 4217"),
        sa.ForeignKeyConstraint(["advertiser"], ["advertisers.id"], name=op.f("fk_campaigns_advertiser_advertisers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index(op.f("ix_campaigns_advertiser"), "campaigns", ["advertiser"], unique=False)
    op.create_table(
        "slots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_s", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("site", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("position", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("label_em", sa.JSON(), nullable=False, comment="font class -> advance width of 'label: ' in em"),
        sa.Column("background", sa.String(length=7), nullable=True, comment="#rrggbb, or null"),
        sa.Column("font", sa.String(length=16), nullable=False, comment="a row of texts.FONT_CLASSES"),
        sa.Column("font_px", sa.Float(), nullable=False),
        sa.Column("default_topics", sa.JSON(), nullable=False, comment="taxonomy ids"),
        sa.ForeignKeyConstraint(["site"], ["sites.id"], name=op.f("fk_slots_site_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
    )
    op.create_index(op.f("ix_slots_site"), "slots", ["site"], unique=False)
    op.create_index(
        "uq_slots_live_name",
        "slots",
        ["site", "name"],
        unique=True,
        sqlite_where=sa.text("archived_at_s IS NULL"),
        postgresql_where=sa.text("archived_at_s IS NULL"),
    )
    op.create_table(
        "creatives",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_s", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.Integer(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column(
            "serving_version", sa.Integer(), nullable=True, comment="the approved version that pages show; null: none"
        ),
        sa.ForeignKeyConstraint(["campaign"], ["campaigns.id"], name=op.f("fk_creatives_campaign_campaigns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creatives")),
    )
    op.create_index(op.f("ix_creatives_campaign"), "creatives", ["campaign"], unique=False)
    op.create_table(
        "flights",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False),
        sa.Column("archived_at_s", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("campaign", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False, comment="nouns.Tier"),
        sa.Column("priority", sa.Integer(), nullable=False, comment="1..10, 1 first"),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("starts_at_s", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_s", sa.BigInteger(), nullable=True),
        sa.Column(
            "pacing", sa.String(length=8), nullable=False, comment="even, front or asap; only a goal gives it an effect"
        ),
        sa.Column(
            "targeting", sa.JSON(), nullable=False, comment='{dimension: {"include": [], "exclude": [], option: …}}'
        ),
        sa.Column("caps", sa.JSON(), nullable=False, comment='[{"per": "creative", "limit": 3, "window": "1d"}]'),
        sa.Column("without_reader", sa.String(length=8), nullable=False, comment="nouns.Without"),
        sa.Column("cap_on_outage", sa.String(length=8), nullable=False, comment="nouns.Without"),
        sa.Column("price", sa.JSON(), nullable=False, comment='{"model": "cpm|cpc|flat", "micros": n}'),
        sa.ForeignKeyConstraint(["campaign"], ["campaigns.id"], name=op.f("fk_flights_campaign_campaigns")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flights")),
    )
    op.create_index(op.f("ix_flights_campaign"), "flights", ["campaign"], unique=False)
    op.create_table(
        "creative_versions",
        sa.Column("creative", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, … 65535"),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column(
            "state", sa.String(length=8), nullable=False, comment="nouns.State; past draft, the text never changes"
        ),
        sa.Column("landing_url", sa.Text(), nullable=False),
        sa.Column("lang", sa.String(length=35), nullable=False, comment="BCP 47"),
        sa.Column(
            "variants",
            sa.JSON(),
            nullable=False,
            comment='[{"role", "text", "chars", "cells", "width_em": {class: em}}]',
        ),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False, comment="what the checks found odd but not wrong"),
        sa.Column("submitted_at_s", sa.BigInteger(), nullable=True),
        sa.Column("decided_at_s", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True, comment="the reviewer's key"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it was rejected, for the advertiser"),
        sa.ForeignKeyConstraint(["creative"], ["creatives.id"], name=op.f("fk_creative_versions_creative_creatives")),
        sa.PrimaryKeyConstraint("creative", "version", name=op.f("pk_creative_versions")),
    )
    op.create_index("ix_creative_versions_state", "creative_versions", ["state", "creative"], unique=False)
