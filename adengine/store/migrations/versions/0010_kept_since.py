"""How far back each table reaches, once something of it was forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_since",
        sa.Column("name", sa.String(length=32), nullable=False, comment="of the table"),
        sa.Column("since_s", sa.BigInteger(), nullable=False, comment="what is of before was forgotten, epoch s"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_kept_since")),
        comment="How far back a table reaches, once something of it was forgotten as the settings say.",
    )
