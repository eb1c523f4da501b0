"""The SQL tables of reports that are kept, shared, sent and made in the background."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from adengine.store.sql import metadata

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


# Ids are never given twice (`sqlite_autoincrement`): files, links and receivers of posts know them.


def _seen_by() -> tuple[Column[int], Column[int], Column[str]]:
    """Whose eyes a report is read with: those of the key that made it."""
    return (
        Column("advertiser", BigInteger, comment="only what is this one's; null: everything"),
        Column("site", BigInteger, comment="the same"),
        Column("by", String(255), nullable=False, comment="the name of the key that made it"),
    )


saved_report = Table(
    "saved_report",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("created_at_s", BigInteger, nullable=False),
    Column("updated_at_s", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False, default=1, comment="grows with each change; its etag"),
    *_seen_by(),
    Column("name", Text, nullable=False),
    Column("query", JSON, nullable=False, comment="parameters of the delivery report"),
    Column("schedule", JSON(none_as_null=True), comment="every, at, format, webhook"),
    Column("next_at_s", BigInteger, index=True, comment="when it is sent next; null: never"),
    comment="Reports by name, as somebody asked for them once.",
    sqlite_autoincrement=True,
)

report_link = Table(
    "report_link",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("report", ForeignKey("saved_report.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at_s", BigInteger, nullable=False),
    Column("expires_at_s", BigInteger, nullable=False),
    Column("by", String(255), nullable=False, comment="the name of the key that made it"),
    comment="Who has its token, an HMAC of id and expiry, reads this one report and nothing else.",
    sqlite_autoincrement=True,
)

report_delivery = Table(
    "report_delivery",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("report", ForeignKey("saved_report.id", ondelete="CASCADE"), nullable=False),
    Column("due_at_s", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_s", BigInteger, index=True, comment="null: delivered, or given up"),
    Column("delivered_at_s", BigInteger),
    Column("target", Text, nullable=False, default="", comment="the file or the address"),
    Column("problem", Text, nullable=False, default="", comment="of the last attempt; empty: none"),
    UniqueConstraint("report", "due_at_s"),
    comment="Each time that a report was due.",
    sqlite_autoincrement=True,
)

report_job = Table(
    "report_job",
    metadata,
    Column("id", _NUMBER, primary_key=True),
    Column("created_at_s", BigInteger, nullable=False, index=True),
    *_seen_by(),
    Column("query", JSON, nullable=False, comment="parameters of the delivery report"),
    Column("status", String(8), nullable=False, comment="queued, running, done or failed"),
    Column("progress", Float, nullable=False, default=0, comment="of 1"),
    Column("claimed_until_s", BigInteger, nullable=False, default=0, comment="whoever makes it is dead then"),
    Column("finished_at_s", BigInteger),
    Column("told", JSON(none_as_null=True), comment="columns, totals, as_of, sealed_until, definitions, rows"),
    Column("problem", Text, nullable=False, default=""),
    comment="Reports that are too large for one answer.",
    sqlite_autoincrement=True,
)

report_rows = Table(
    "report_rows",
    metadata,
    Column("job", ForeignKey("report_job.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="the first of its rows, from 0"),
    Column("rows", LargeBinary, nullable=False, comment="NDJSON, deflated"),
    comment="A finished job's rows, some hundred to a row of this.",
)
