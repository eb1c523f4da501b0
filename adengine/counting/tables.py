"""The SQL tables of counting: the judge of what counts, the sums, and how far each stream has been read.

All are written by the one consumer only, in one transaction per batch (`counting.ledger`).
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, String, Table, Text

from adengine.store.sql import metadata

seen = Table(
    "seen",
    metadata,
    Column("id", LargeBinary(24), primary_key=True, comment="of the event, as counting.postings makes it"),
    Column("quarter_s", BigInteger, nullable=False, index=True, comment="the quarter of an hour it was counted in"),
    Column("metric", SmallInteger, nullable=False, comment="counting.metrics.Metric"),
    Column("flight", BigInteger, nullable=False, comment="0: none"),
    Column("reason", String(64), nullable=False, comment="why it does not count; empty: it does"),
    Column("n", Integer, nullable=False, comment="1; for a fill, its slots"),
    Column("micros", BigInteger, nullable=False, comment="what was charged for it"),
    sqlite_with_rowid=False,
    comment="Every event that was counted, kept for days: its key judges whether another copy is one.",
)

rollup = Table(
    "rollup",
    metadata,
    Column("quarter_s", BigInteger, primary_key=True, comment="begin of a quarter of an hour, epoch s, UTC"),
    Column(
        "adjustment",
        BigInteger,
        primary_key=True,
        server_default="0",
        comment="0: as counted; else the adjustment that added it",
    ),
    Column("metric", SmallInteger, primary_key=True, comment="counting.metrics.Metric"),
    Column("site", BigInteger, primary_key=True),
    Column("slot", BigInteger, primary_key=True, comment="0: not registered"),
    Column("flight", BigInteger, primary_key=True, comment="0: none, here and in creative and version"),
    Column("creative", BigInteger, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("variant", SmallInteger, primary_key=True, comment="index of the role; 255: not known"),
    Column("tier", SmallInteger, primary_key=True, comment="nouns.Tier; 255: none"),
    Column("place", BigInteger, primary_key=True, comment="stable id of places; 0: not known"),
    Column("topic", BigInteger, primary_key=True, comment="int(id, 36); 0: none"),
    Column(
        "device", SmallInteger, primary_key=True, server_default="0", comment="its place among the kinds; 0: not known"
    ),
    Column("refresh", SmallInteger, primary_key=True, server_default="0", comment="of the slot; 3: or any later one"),
    Column("reason", String(64), primary_key=True, comment="no-fill or invalid reason, or the cap; empty: none"),
    Column("n", BigInteger, nullable=False),
    Column("micros", BigInteger, nullable=False, comment="millionths of the campaign's currency"),
    sqlite_with_rowid=False,
    comment="Sums by quarter of an hour and cell.",
)
Index("ix_rollup_flight", rollup.c.flight, rollup.c.quarter_s)
ADJUSTED = rollup.c.adjustment != 0
"""Whether a row is of an adjustment; asked in these words, an index has those rows alone."""
Index("ix_rollup_adjustment", rollup.c.adjustment, sqlite_where=ADJUSTED, postgresql_where=ADJUSTED)

adjustment = Table(
    "adjustment",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_s", BigInteger, nullable=False, comment="when it was made"),
    Column("kind", String(8), nullable=False, comment="late: events that came behind the seal; made: by a person"),
    Column("by", String(255), nullable=False, comment="the name of the key that made it; empty: the consumer"),
    Column("note", Text, nullable=False),
    comment="Why a sealed hour has more or less than was counted: its rows of rollup bear the id.",
)

hour_seal = Table(
    "hour_seal",
    metadata,
    Column("hour_s", BigInteger, primary_key=True, autoincrement=False, comment="its begin, epoch s, UTC"),
    Column("sealed_at_s", BigInteger, nullable=False),
    Column("cells", BigInteger, nullable=False, comment="how many rows of rollup it has, adjustments apart"),
    Column("digest", LargeBinary(32), nullable=False, comment="of these rows and of the seal before (counting.seals)"),
    comment="Hours that change no more; each seal vouches for all before it.",
)

traffic_rules = Table(
    "traffic_rules",
    metadata,
    Column("version", String(16), primary_key=True),
    Column("since_s", BigInteger, nullable=False, comment="when a consumer began with them for the first time"),
    Column("rules", JSON, nullable=False),
    comment="Every version of the rules of invalid traffic that was in force.",
)

flight_day = Table(
    "flight_day",
    metadata,
    Column("flight", BigInteger, primary_key=True, autoincrement=False),
    Column("day_s", BigInteger, primary_key=True, comment="its midnight in the time zone of the settings, epoch s"),
    Column("fills", BigInteger, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    comment="Sums of rollup by flight and day, for pacing: what a goal or a daily limit has had.",
)

flight_leased = Table(
    "flight_leased",
    metadata,
    Column("flight", BigInteger, primary_key=True, autoincrement=False),
    Column("window", BigInteger, primary_key=True, comment="in which pacing leased them, epoch s // 5"),
    Column("impressions", BigInteger, nullable=False),
    comment="Impressions that counted, by the lease that they spent; kept for hours.",
)

reached = Table(
    "reached",
    metadata,
    Column("flight", BigInteger, primary_key=True, autoincrement=False),
    Column("reader", LargeBinary(8), primary_key=True, index=True, comment="as the reader log has him, or random"),
    Column("impressions", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    comment="Which readers a flight has reached, how often; one who was forgotten has a random id instead.",
)

event_lines = Table(
    "event_lines",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, comment="in the order of commits"),
    Column("hour_s", BigInteger, nullable=False, index=True, comment="its begin, epoch s, UTC"),
    Column("lines", LargeBinary, nullable=False, comment="NDJSON, compressed; as counting.kept makes it"),
    sqlite_autoincrement=True,  # a number that was given must never come again, however many rows were deleted
    comment="Events of an hour that one transaction counted, until the keeper has them in a segment.",
)

kept_since = Table(
    "kept_since",
    metadata,
    Column("name", String(32), primary_key=True, comment="of the table"),
    Column("since_s", BigInteger, nullable=False, comment="what is of before was forgotten, epoch s"),
    comment="How far back a table reaches, once something of it was forgotten as the settings say.",
)

stream_offset = Table(
    "stream_offset",
    metadata,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("epoch", LargeBinary(32), nullable=False, comment="of the stream that the offset belongs to"),
    Column("last_ms", BigInteger, nullable=False, comment="last_ms-last_seq: the last counted entry's id"),
    Column("last_seq", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False, comment="how many of this epoch were counted up to there"),
    Column("fence", BigInteger, nullable=False, comment="of the consumer that wrote it"),
    comment="How far each bucket's stream is in the rollups; written in their transaction.",
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("epoch", LargeBinary(32), primary_key=True),
    Column("ms", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("problem", Text, nullable=False),
    Column("event", LargeBinary, nullable=False, comment="as it stood in the stream"),
    comment="Events that could not be read, kept for a person to look at.",
)

consumer_lease = Table(
    "consumer_lease",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="1; there is one consumer"),
    Column("holder", String(255), nullable=False),
    Column("fence", BigInteger, nullable=False, comment="grows with each change of holder; older ones may not write"),
    Column("expires_at_s", BigInteger, nullable=False),
    Column("drained_at_s", BigInteger, nullable=False, comment="all events up to here are in the rollups"),
)
