"""A report as bytes: JSON as the API answers it, or the rows as CSV, NDJSON or Parquet.

Parquet is written by DuckDB, which is imported when the first one is asked for: other web workers stay small.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from adengine.reporting import metrics
from adengine.reporting.csv_safe import csv_text
from adengine.reporting.delivery import Report

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Format:
    media_type: str
    body: Callable[[Report], bytes]


def written(report: Report, standing: Mapping[str, str | None], format_: str) -> tuple[str, bytes]:
    """(media type, body).  standing: up to when it is true, as the JSON document says it."""
    if format_ in FORMATS:
        return FORMATS[format_].media_type, FORMATS[format_].body(report)
    document = {
        "rows": report.rows,
        "next": report.next,
        "totals": report.totals,
        **standing,
        "definitions": report.definitions,
    }
    return JSON, orjson.dumps(document)


def _csv(report: Report) -> bytes:
    return csv_text(report.columns, report.rows).encode("utf-8")


def _ndjson(report: Report) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in report.rows)


def _parquet(report: Report) -> bytes:
    """Whole numbers as BIGINT, ratios as DOUBLE, everything else as text; nothing as NULL."""
    import duckdb

    columns = ", ".join(f"'{name}': '{_kind(name)}'" for name in report.columns)
    with tempfile.TemporaryDirectory(prefix="adengine-report-") as folder, duckdb.connect() as connection:
        source, target = Path(folder) / "rows.ndjson", Path(folder) / "rows.parquet"
        source.write_bytes(_ndjson(report))
        rows = f"read_json(?, format = 'newline_delimited', columns = {{{columns}}})"
        connection.execute(f"COPY (SELECT * FROM {rows}) TO '{target}' (FORMAT parquet)", [str(source)])  # noqa: S608
        return target.read_bytes()


def _kind(column: str) -> str:
    metric = metrics.BY_NAME.get(column)
    if metric is None:
        return "BIGINT" if column == "version" else "VARCHAR"
    return "DOUBLE" if metric.is_ratio else "BIGINT"


FORMATS: Mapping[str, Format] = {
    "csv": Format("text/csv; charset=utf-8; header=present", _csv),
    "ndjson": Format("application/x-ndjson", _ndjson),
    "parquet": Format("application/vnd.apache.parquet", _parquet),
}
"""What is no JSON document, by its name."""
