"""How a campaign's creatives take turns, and their weights; which edit a row was last changed by."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


STANDING = ("sites", "slots", "advertisers", "campaigns", "flights", "creatives", "api_keys")


def upgrade() -> None:
    for table in STANDING:
        op.add_column(
            table,
            sa.Column(
                "edit", sa.BigInteger(), nullable=False, server_default="0", comment="the catalogue's version then"
            ),
        )
        op.create_index(op.f(f"ix_{table}_edit"), table, ["edit"])
    op.add_column(
        "campaigns",
        sa.Column("rotation", sa.String(length=12), nullable=False, server_default="even", comment="nouns.Rotation"),
    )
    op.add_column(
        "creatives",
        sa.Column(
            "weight", sa.Float(), nullable=False, server_default="1", comment="in a campaign of weighted rotation"
        ),
    )
