"""By how much a site prefers who is aimed nearer to the reader."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sites",
        sa.Column(
            "nearness",
            sa.Float(),
            nullable=False,
            server_default="3",
            comment="factor of a step nearer to the reader",
        ),
    )
