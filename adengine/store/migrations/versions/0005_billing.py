"""Sealed hours, adjustments to them, and which rules of invalid traffic were in force."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = (
    "quarter_s", "adjustment", "metric", "site", "slot", "flight", "creative", "version", "variant", "tier", "place",
    "topic", "reason",
)  # fmt: skip
CELL = ", ".join((*(name for name in KEY if name != "adjustment"), "n", "micros"))


def upgrade() -> None:
    op.drop_index("ix_rollup_flight", "rollup")
    op.rename_table("rollup", "rollup_before")
    op.create_table(
        "rollup",
        sa.Column("quarter_s", sa.BigInteger(), nullable=False, comment="begin of a quarter of an hour, epoch s, UTC"),
        sa.Column(
            "adjustment",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="0: as counted; else the adjustment that added it",
        ),
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
        sa.PrimaryKeyConstraint(*KEY, name="pk_rollup_adjusted"),
        comment="Sums by quarter of an hour and cell.",
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO rollup ({CELL}, adjustment) SELECT {CELL}, 0 FROM rollup_before")  # noqa: S608
    op.drop_table("rollup_before")
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_rollup_adjusted RENAME TO pk_rollup")
    op.create_index("ix_rollup_flight", "rollup", ["flight", "quarter_s"])
    op.create_table(
        "adjustment",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_s", sa.BigInteger(), nullable=False, comment="when it was made"),
        sa.Column(
            "kind",
            sa.String(length=8),
            nullable=False,
            comment="late: events that came behind the seal; made: by a person",
        ),
        sa.Column(
            "by", sa.String(length=255), nullable=False, comment="the name of the key that made it; empty: the consumer"
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustment")),
        comment="Why a sealed hour has more or less than was counted: its rows of rollup bear the id.",
    )
    op.create_table(
        "hour_seal",
        sa.Column("hour_s", sa.BigInteger(), autoincrement=False, nullable=False, comment="its begin, epoch s, UTC"),
        sa.Column("sealed_at_s", sa.BigInteger(), nullable=False),
        sa.Column(
            "cells", sa.BigInteger(), nullable=False, comment="how many rows of rollup it has, adjustments apart"
        ),
        sa.Column(
            "digest", sa.LargeBinary(length=32), nullable=False,
            comment="of these rows and of the seal before (counting.seals)",
        ),
        sa.PrimaryKeyConstraint("hour_s", name=op.f("pk_hour_seal")),
        comment="Hours that change no more; each seal vouches for all before it.",
    )  # fmt: skip
    op.create_table(
        "traffic_rules",
        sa.Column("version", sa.String(length=16), nullable=False),
        sa.Column(
            "since_s", sa.BigInteger(), nullable=False, comment="when a consumer began with them for the first time"
        ),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_traffic_rules")),
        comment="Every version of the rules of invalid traffic that was in force.",
    )
