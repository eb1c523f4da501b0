"""Events that were counted, until they are in a segment."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_lines",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="in the order of commits",
        ),
        sa.Column("hour_s", sa.BigInteger(), nullable=False, comment="its begin, epoch s, UTC"),
        sa.Column("lines", sa.LargeBinary(), nullable=False, comment="NDJSON, compressed; as counting.kept makes it"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_lines")),
        comment="Events of an hour that one transaction counted, until the keeper has them in a segment.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_event_lines_hour_s"), "event_lines", ["hour_s"])
