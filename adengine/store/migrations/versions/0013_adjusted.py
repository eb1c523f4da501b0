"""Few sums are adjustments, and whoever lists those need not read all others."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    adjusted = sa.text("adjustment != 0")
    op.create_index("ix_rollup_adjustment", "rollup", ["adjustment"], sqlite_where=adjusted, postgresql_where=adjusted)
