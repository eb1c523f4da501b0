"""Which readers a flight has reached, and how often."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reached",
        sa.Column("flight", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reader", sa.LargeBinary(length=8), nullable=False, comment="as the reader log has him, or random"),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flight", "reader", name=op.f("pk_reached")),
        comment="Which readers a flight has reached, how often; one who was forgotten has a random id instead.",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reached_reader"), "reached", ["reader"])
