"""What flat prices were spread over before an edit."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flight_terms",
        sa.Column("flight", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("until_s", sa.BigInteger(), nullable=False, autoincrement=False, comment="when they were edited"),
        sa.Column("starts_at_s", sa.BigInteger(), nullable=False),
        sa.Column("ends_at_s", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["flight"], ["flights.id"], name=op.f("fk_flight_terms_flight_flights")),
        sa.PrimaryKeyConstraint("flight", "until_s", name=op.f("pk_flight_terms")),
        comment="What the flat price of a flight was spread over before an edit: what has fallen due stays as it was.",
    )
