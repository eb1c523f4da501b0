"""What is to be read for a report, and what is read: between what was asked, the queries, and the table. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from adengine.counting.metrics import Metric as Stored
from adengine.errors import Invalid, Mistake
from adengine.reporting import calendar, dimensions
from adengine.reporting.calendar import Span
from adengine.reporting.query import ROWS_MAX, Asked

CURRENCY = "campaigns.currency"
ADVERTISER = "campaigns.advertiser"
SITE = "rollup.site"
SPEND = "spend_micros"
SPLIT_BY = frozenset({"rollup.flight", "flights.campaign", ADVERTISER, CURRENCY})
"""What a flat price can be split by, beside time: it is the whole flight's, wherever that was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be read."""

    begin_s: int
    end_s: int
    spans: tuple[Span, ...] = ()
    """Sums are kept apart by these; none: the whole period is one."""
    columns: tuple[str, ...]
    """And by these, as `table.column`."""
    stored: tuple[Stored, ...]
    """What is counted, each once, ascending."""
    charged: tuple[Stored, ...]
    """What is paid for, where that is asked for too."""
    equals: tuple[tuple[str, tuple[Any, ...]], ...]
    """(column, its values): only rows with one of them."""
    unsplit: tuple[str, ...] = ()
    """By what of it a flat price cannot be split, so that flat prices are left out."""


class Read(NamedTuple):
    """One group of sums: its span (0 without spans), its columns' values, what was counted. A tuple as `Span` is."""

    span: int
    raw: tuple[Any, ...]
    counts: tuple[int, ...]
    """Of each of the question's `stored`."""
    micros: int


def question_of(asked: Asked, *, advertiser: int | None, site: int | None, spans_max: int = ROWS_MAX) -> Question:
    """What to read for `asked`, within what the asker may see. Raises `Invalid` when it would be too much."""
    filtered = [dimensions.BY_NAME[name] for name in asked.filters]
    equals = [(row.columns[0], asked.filters[row.name]) for row in filtered if row.is_plain]
    if advertiser is not None:
        equals.append((ADVERTISER, (advertiser,)))
    if site is not None:
        equals.append((SITE, (site,)))
    needed = [*asked.group_by, *(row for row in filtered if not row.is_plain)]
    columns = dict.fromkeys(column for row in needed for column in row.columns)
    charged = tuple(stored for metric in asked.metrics if metric.name == SPEND for stored in metric.stored)
    if charged:
        columns[CURRENCY] = None
    return Question(
        begin_s=asked.from_s,
        end_s=asked.to_s,
        spans=_spans(asked, spans_max),
        columns=tuple(columns),
        stored=tuple(sorted({stored for metric in asked.metrics for stored in metric.stored})),
        charged=charged,
        equals=tuple(equals),
        unsplit=_unsplit([*asked.group_by, *filtered], site),
    )


def _unsplit(rows: list[dimensions.Dimension], site: int | None) -> tuple[str, ...]:
    names = [row.name for row in rows if not SPLIT_BY.issuperset(row.columns)]
    return tuple(dict.fromkeys([*names, *(["site"] if site is not None else [])]))


def too_many(rows_max: int = ROWS_MAX) -> Invalid:
    sentence = f"the report would have more than {rows_max} rows; group by less, filter, or choose a shorter period"
    if rows_max == ROWS_MAX:
        sentence += ", or have it made in the background: POST /v1/reports/jobs"
    return Invalid([Mistake("?group_by", sentence)])


def _spans(asked: Asked, most: int) -> tuple[Span, ...]:
    units = [calendar.BY_NAME[row.name] for row in asked.group_by if row.name in calendar.BY_NAME]
    if not units:
        return ()
    found: list[Span] = []
    for span in calendar.spans(asked.zone, units, asked.from_s, asked.to_s):
        found.append(span)
        if len(found) > most:
            raise too_many(most)
    return tuple(found)
