"""On what device, and at which refresh of its slot, a line was shown: two more columns of the key of the sums.

0 in all that was counted before; seals are the same with it (counting.seals).
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = (
    "quarter_s", "adjustment", "metric", "site", "slot", "flight", "creative", "version", "variant", "tier", "place",
    "topic", "device", "refresh", "reason",
)  # fmt: skip
ADDED = ("device", "refresh")


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        anew()
        return
    op.add_column("rollup", device())
    op.add_column("rollup", refresh())
    op.drop_constraint("pk_rollup", "rollup")
    op.create_primary_key("pk_rollup", "rollup", KEY)


def device() -> sa.Column[int]:
    about = "its place among the kinds; 0: not known"
    return sa.Column("device", sa.SmallInteger(), nullable=False, server_default="0", comment=about)


def refresh() -> sa.Column[int]:
    about = "of the slot; 3: or any later one"
    return sa.Column("refresh", sa.SmallInteger(), nullable=False, server_default="0", comment=about)


def anew() -> None:
    """SQLite cannot change the key of a table."""
    op.drop_index("ix_rollup_flight", "rollup")
    op.rename_table("rollup", "rollup_before")
    op.create_table(
        "rollup",
        sa.Column("quarter_s", sa.BigInteger(), nullable=False),
        sa.Column("adjustment", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("metric", sa.SmallInteger(), nullable=False),
        sa.Column("site", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("flight", sa.BigInteger(), nullable=False),
        sa.Column("creative", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("variant", sa.SmallInteger(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.BigInteger(), nullable=False),
        device(),
        refresh(),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_rollup")),
        sqlite_with_rowid=False,
    )
    cell = ", ".join((*(name for name in KEY if name not in ADDED), "n", "micros"))
    op.execute(f"INSERT INTO rollup ({cell}) SELECT {cell} FROM rollup_before")  # noqa: S608
    op.drop_table("rollup_before")
    op.create_index("ix_rollup_flight", "rollup", ["flight", "quarter_s"])
