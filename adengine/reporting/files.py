"""A report as bytes: JSON as the API answers it, or the rows as CSV, NDJSON or Parquet.

What the JSON answer says beside the rows goes with every file: in headers of the answer, inside of Parquet, and where
it is asked for (`about`) in front of the rows of CSV and NDJSON. Parquet is written by DuckDB, which is imported when
the first one is asked for: other web workers stay small.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from adengine.reporting import dimensions, metrics
from adengine.reporting.csv_safe import csv_text
from adengine.reporting.delivery import Report

JSON = "application/json"
HEADERS: Mapping[str, str] = {
    "as_of": "Adengine-As-Of",
    "sealed_until": "Adengine-Sealed-Until",
    "next": "Adengine-Next",
    "definitions": "Adengine-Definitions",
}
"""What is told of a file -> the header that has it; what there is nothing of has none."""
HEADER_PRESENT = "; header=present"
"""Of CSV whose first line names the columns."""
NUMBERED = frozenset(row.name for row in dimensions.DIMENSIONS if row.is_number)
"""Dimensions that are numbers, but for `few`."""
About = Mapping[str, Any]
"""By the names of `HEADERS`."""


@dataclass(frozen=True, slots=True)
class Format:
    media_type: str
    body: Callable[[Report, About], bytes]
    front: Callable[[About], bytes] = lambda _: b""
    """What stands before the rows where that is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    media_type: str
    headers: Mapping[str, str]
    body: bytes


def written(report: Report, standing: Mapping[str, str | None], format_: str, has_front: bool = False) -> Written:
    """standing: up to when it is true, as the JSON document says it.

    has_front: CSV and NDJSON begin with what is told of them.
    """
    if format_ not in FORMATS:
        document = {"rows": report.rows, "next": report.next, "totals": report.totals, **standing}
        body = orjson.dumps(document | {"definitions": report.definitions})
        return Written(media_type=JSON, headers={}, body=body)
    about = {
        "as_of": standing.get("as_of"),
        "sealed_until": standing.get("sealed_until"),
        "next": report.next,
        "definitions": dict(report.definitions),
    }
    format_row = FORMATS[format_]
    front = format_row.front(about) if has_front else b""
    return Written(
        media_type=format_row.media_type.replace(HEADER_PRESENT, "") if front else format_row.media_type,
        headers={HEADERS[name]: text for name, text in _texts(about).items()},
        body=front + format_row.body(report, about),
    )


def _texts(about: About) -> dict[str, str]:
    """In ASCII, as headers must be."""
    return {name: told if isinstance(told, str) else json.dumps(told) for name, told in about.items() if told}


def _csv(report: Report, _: About) -> bytes:
    return csv_text(report.columns, report.rows).encode("utf-8")


def _csv_front(about: About) -> bytes:
    """A line each, behind a `#`, which most readers of CSV can be told to leave out."""
    told = {name: text for name, text in about.items() if name != "definitions"} | about["definitions"]
    lines = [f"# {name}: {' '.join(text.split())}\r\n" for name, text in told.items() if text]
    return "".join(lines).encode("utf-8")


def _ndjson(report: Report, _: About) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in report.rows)


def _ndjson_front(about: About) -> bytes:
    return orjson.dumps({"about": about}, option=orjson.OPT_APPEND_NEWLINE)


def _parquet(report: Report, about: About) -> bytes:
    """Whole numbers as BIGINT, ratios as DOUBLE, everything else as text; nothing, and `few` of numbers, as NULL.

    What is told of the report is in the file's key-value metadata.
    """
    import duckdb

    columns = ", ".join(f"'{name}': '{'VARCHAR' if name in NUMBERED else _kind(name)}'" for name in report.columns)
    chosen = ", ".join(_chosen(name) for name in report.columns)
    told = ", ".join(f"{name}: {_quoted(text)}" for name, text in _texts(about).items() if name != "next")
    with tempfile.TemporaryDirectory(prefix="adengine-report-") as folder, duckdb.connect() as connection:
        source, target = Path(folder) / "rows.ndjson", Path(folder) / "rows.parquet"
        source.write_bytes(_ndjson(report, about))
        rows = f"read_json(?, format = 'newline_delimited', columns = {{{columns}}})"
        options = f"FORMAT parquet, KV_METADATA {{{told}}}"
        connection.execute(f"COPY (SELECT {chosen} FROM {rows}) TO '{target}' ({options})", [str(source)])  # noqa: S608
        return target.read_bytes()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _chosen(column: str) -> str:
    return f'TRY_CAST("{column}" AS BIGINT) AS "{column}"' if column in NUMBERED else f'"{column}"'


def _kind(column: str) -> str:
    metric = metrics.BY_NAME.get(column)
    if metric is None:
        return "BIGINT" if column in NUMBERED else "VARCHAR"
    return "DOUBLE" if metric.is_ratio else "BIGINT"


FORMATS: Mapping[str, Format] = {
    "csv": Format("text/csv; charset=utf-8" + HEADER_PRESENT, _csv, _csv_front),
    "ndjson": Format("application/x-ndjson", _ndjson, _ndjson_front),
    "parquet": Format("application/vnd.apache.parquet", _parquet),
}
"""What is no JSON document, by its name."""
