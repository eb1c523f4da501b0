"""Goals, daily limits, blackouts; the sums per flight and day that pacing reads."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DAY_S = 86_400
FILL, IMPRESSION, CLICK = 1, 3, 6


def upgrade() -> None:
    for column in (
        sa.Column(
            "goal",
            sa.JSON(none_as_null=True),
            nullable=True,
            comment='{"impressions|clicks|spend_micros|share": amount}, or null',
        ),
        sa.Column("daily_limit", sa.BigInteger(), nullable=True, comment="impressions a day, or null"),
        sa.Column("at_end", sa.String(length=8), nullable=False, server_default="stop", comment="nouns.AtEnd"),
        sa.Column("blackouts", sa.JSON(), nullable=False, server_default="[]", comment='[{"from_s": n, "to_s": n}]'),
    ):
        op.add_column("flights", column)
    with op.batch_alter_table("flights") as flights:  # the defaults were for the rows that there are
        flights.alter_column("at_end", server_default=None, existing_type=sa.String(length=8), existing_nullable=False)
        flights.alter_column("blackouts", server_default=None, existing_type=sa.JSON(), existing_nullable=False)
    op.create_table(
        "flight_day",
        sa.Column("flight", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "day_s", sa.BigInteger(), nullable=False, comment="its midnight in the time zone of the settings, epoch s"
        ),
        sa.Column("fills", sa.BigInteger(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flight", "day_s", name=op.f("pk_flight_day")),
        comment="Sums of rollup by flight and day, for pacing: what a goal or a daily limit has had.",
    )
    op.create_table(
        "flight_leased",
        sa.Column("flight", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False, comment="in which pacing leased them, epoch s // 5"),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flight", "window", name=op.f("pk_flight_leased")),
        comment="Impressions that counted, by the lease that they spent; kept for hours.",
    )
    # Until now there were no daily limits, so that any day will do for what was counted before; totals are what matters.
    counted = ", ".join(f"SUM(CASE WHEN metric = {metric} THEN n ELSE 0 END)" for metric in (FILL, IMPRESSION, CLICK))
    op.execute(
        "INSERT INTO flight_day (flight, day_s, fills, impressions, clicks) "  # noqa: S608
        f"SELECT flight, quarter_s - quarter_s % {DAY_S}, {counted} FROM rollup "
        f"WHERE flight <> 0 AND metric IN ({FILL}, {IMPRESSION}, {CLICK}) GROUP BY flight, quarter_s - quarter_s % {DAY_S}"
    )
