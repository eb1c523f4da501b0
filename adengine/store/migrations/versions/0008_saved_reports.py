"""Reports by name, their links and when they were sent; reports made in the background."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def seen_by() -> tuple[sa.Column[int], sa.Column[int], sa.Column[str]]:
    return (
        sa.Column("advertiser", sa.BigInteger(), comment="only what is this one's; null: everything"),
        sa.Column("site", sa.BigInteger(), comment="the same"),
        sa.Column("by", sa.String(length=255), nullable=False, comment="the name of the key that made it"),
    )


def upgrade() -> None:
    op.create_table(
        "saved_report",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, comment="grows with each change; its etag"),
        *seen_by(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False, comment="parameters of the delivery report"),
        sa.Column("schedule", sa.JSON(none_as_null=True), comment="every, at, format, webhook"),
        sa.Column("next_at_s", sa.BigInteger(), comment="when it is sent next; null: never"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_report")),
        comment="Reports by name, as somebody asked for them once.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_saved_report_next_at_s"), "saved_report", ["next_at_s"])
    op.create_table(
        "report_link",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("report", NUMBER, nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_s", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False, comment="the name of the key that made it"),
        sa.ForeignKeyConstraint(
            ["report"], ["saved_report.id"], name=op.f("fk_report_link_report_saved_report"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_link")),
        comment="Who has its token, an HMAC of id and expiry, reads this one report and nothing else.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_report_link_report"), "report_link", ["report"])
    op.create_table(
        "report_delivery",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("report", NUMBER, nullable=False),
        sa.Column("due_at_s", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_s", sa.BigInteger(), comment="null: delivered, or given up"),
        sa.Column("delivered_at_s", sa.BigInteger()),
        sa.Column("target", sa.Text(), nullable=False, comment="the file or the address"),
        sa.Column("problem", sa.Text(), nullable=False, comment="of the last attempt; empty: none"),
        sa.ForeignKeyConstraint(
            ["report"], ["saved_report.id"], name=op.f("fk_report_delivery_report_saved_report"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_delivery")),
        sa.UniqueConstraint("report", "due_at_s", name=op.f("uq_report_delivery_report_due_at_s")),
        comment="Each time that a report was due.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_report_delivery_next_try_s"), "report_delivery", ["next_try_s"])
    op.create_table(
        "report_job",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("created_at_s", sa.BigInteger(), nullable=False),
        *seen_by(),
        sa.Column("query", sa.JSON(), nullable=False, comment="parameters of the delivery report"),
        sa.Column("status", sa.String(length=8), nullable=False, comment="queued, running, done or failed"),
        sa.Column("progress", sa.Float(), nullable=False, comment="of 1"),
        sa.Column(
            "claimed_until_s",
            sa.BigInteger(),
            nullable=False,
            comment="whoever makes it is dead then",
        ),
        sa.Column("finished_at_s", sa.BigInteger()),
        sa.Column(
            "told", sa.JSON(none_as_null=True), comment="columns, totals, as_of, sealed_until, definitions, rows"
        ),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_job")),
        comment="Reports that are too large for one answer.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_report_job_created_at_s"), "report_job", ["created_at_s"])
    op.create_table(
        "report_rows",
        sa.Column("job", NUMBER, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="the first of its rows, from 0"),
        sa.Column("rows", sa.LargeBinary(), nullable=False, comment="NDJSON, deflated"),
        sa.ForeignKeyConstraint(
            ["job"], ["report_job.id"], name=op.f("fk_report_rows_job_report_job"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job", "number", name=op.f("pk_report_rows")),
        comment="A finished job's rows, some hundred to a row of this.",
    )
