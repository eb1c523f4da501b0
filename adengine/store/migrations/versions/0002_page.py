"""What the optimiser of pages goes by: exclusions and roadblocks of flights, rules of sites, weights of slots.

The JSON columns may be null by their declaration only: a default of type json cannot be compared on PostgreSQL, and
SQLite cannot tighten a column without copying its table. Every row has a value.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("sites", sa.Column("exclusive", sa.JSON(), comment="names of catalog.exclusive; never null"))
    op.execute("""UPDATE sites SET exclusive = '["advertiser"]'""")
    op.add_column("slots", sa.Column("position_weight", sa.Float(), nullable=False, server_default="1"))
    op.add_column("flights", sa.Column("exclusions", sa.JSON(), comment="labels, lower-case; never null"))
    op.execute("UPDATE flights SET exclusions = '[]'")
    op.add_column(
        "flights",
        sa.Column("roadblock", sa.String(length=16), nullable=False, server_default="none", comment="nouns.Roadblock"),
    )
