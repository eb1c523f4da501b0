"""Events as they are kept: a row for each event and cell, and how the files that hold them are called. Pure.

An hour's file is `date=2026-11-24/13-<database>-<first>-<last>.parquet`: its UTC hour, the first letters of the id that
the database and its store share, and which rows of `event_lines` are in it. Rows are numbered in the order of commits
and taken in that order, so a name tells what it holds: a file whose range lies in another's of the same hour and
database is superseded, and whatever is numbered above all files of its hour is in none yet. No reader has to look for
copies.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from adengine.counting.metrics import Metric
from adengine.counting.postings import ADDED, Cell, Posting

FOLDER = "events"
"""In the data folder."""
HOUR_S, DAY_S = 3600, 86_400
SEGMENT = ".parquet"
ALONE = "0" * 8
"""Stands for a database that belongs to no store yet."""
COLUMNS: Mapping[str, str] = {
    "event": "VARCHAR", "time": "TIMESTAMP", "at_s": "BIGINT", "quarter_s": "BIGINT", "metric": "VARCHAR",
    "site": "BIGINT", "slot": "BIGINT", "flight": "BIGINT", "creative": "BIGINT", "version": "INTEGER",
    "variant": "SMALLINT", "tier": "SMALLINT", "place": "BIGINT", "topic": "BIGINT", "device": "SMALLINT",
    "refresh": "SMALLINT", "reason": "VARCHAR", "n": "BIGINT", "micros": "BIGINT",
}  # fmt: skip
"""Of a segment, with their types as DuckDB calls them; docs/counting.md says what they mean."""
LINE = {name: kind for name, kind in COLUMNS.items() if name != "time"}
"""Of a line, which leaves `time` to be made of `at_s`."""
VALUES = {name: f"coalesce({name}, 0)::{kind} AS {name}" if name in ADDED else name for name, kind in COLUMNS.items()}
"""What DuckDB takes as the values of the columns: 0 of those that an older engine's lines and files have not."""
METRICS = {metric: metric.name.lower() for metric in Metric}
QUICK = 1
"""zlib's level: about a fifth of the size, in a third of the time that the default takes."""
_NAME = re.compile(r"date=(\d{4}-\d\d-\d\d)/(\d\d)-(\w{8})-(\d+)-(\d+)\.parquet", re.ASCII)


def packed(postings: Iterable[Posting]) -> dict[int, bytes]:
    """The lines of `postings` by the hour in which they count, begin of hour -> compressed NDJSON."""
    hours: dict[int, list[bytes]] = defaultdict(list)
    for posting in postings:
        hours[hour_of(posting.quarter_s)] += _lines(posting)
    return {hour_s: zlib.compress(b"".join(lines), QUICK) for hour_s, lines in sorted(hours.items())}


def unpacked(lines: bytes) -> bytes:
    """NDJSON, every line ended."""
    return zlib.decompress(lines)


def _lines(posting: Posting) -> Iterator[bytes]:
    """One for each cell: a page's slots that are alike are one line, so that no two lines are the same."""
    sums: dict[Cell, tuple[int, int]] = {}
    for cell, add in posting.adds:
        n, micros = sums.get(cell, (0, 0))
        sums[cell] = n + add.n, micros + add.micros
    head = {"event": posting.id.hex(), "at_s": posting.at_s}
    for cell, (n, micros) in sums.items():
        line = head | cell._asdict() | {"metric": METRICS[cell.metric], "n": n, "micros": micros}
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def in_files(files: str) -> str:
    """What DuckDB reads the columns from.  files: as it takes them; those of before have fewer columns."""
    none = ", ".join(f"NULL::{COLUMNS[name]} AS {name}" for name in ADDED)
    read = f"read_parquet({files}, hive_partitioning = false, union_by_name = true)"
    return f"(SELECT {none} WHERE false UNION ALL BY NAME FROM {read})"  # noqa: S608  # all of it is written here


def hour_of(at_s: int) -> int:
    return at_s - at_s % HOUR_S


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Part:
    """A file of an hour's events: all that `event_lines` had for it from number `first` to `last`."""

    hour_s: int
    database: str
    first: int
    last: int

    @property
    def name(self) -> str:
        """Its path in `FOLDER`."""
        hour = datetime.fromtimestamp(self.hour_s, UTC)
        return f"date={hour:%Y-%m-%d}/{hour:%H}-{self.database}-{self.first:012d}-{self.last:012d}{SEGMENT}"

    def holds(self, other: Part) -> bool:
        """Whether all of `other` is in this one too."""
        alike = (self.hour_s, self.database) == (other.hour_s, other.database)
        return alike and self.first <= other.first and other.last <= self.last


def part_of(name: str) -> Part | None:
    """What the name of a file in `FOLDER` tells; None: it is not one of ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    day, hour, database, first, last = found.groups()
    hour_s = int(datetime.fromisoformat(f"{day}T{hour}:00:00+00:00").timestamp())
    return Part(hour_s=hour_s, database=database, first=int(first), last=int(last))


def standing(parts: Iterable[Part]) -> list[Part]:
    """Those that no other one holds, by hour: each event of theirs is in one of them."""
    found: list[Part] = []
    for part in sorted(set(parts), key=lambda part: (part.hour_s, part.database, part.first, -part.last)):
        if not found or not found[-1].holds(part):
            found.append(part)
    return found


def taken(parts: Sequence[Part], database: str) -> dict[int, int]:
    """By hour, up to which number the rows of `event_lines` of a database are in files."""
    last: dict[int, int] = {}
    for part in parts:
        if part.database == database:
            last[part.hour_s] = max(part.last, last.get(part.hour_s, 0))
    return last
