"""What becomes of each row of an import: accepted or rejected with every mistake; the two sum up to the rows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adengine.catalog import ids
from adengine.catalog.creatives.imports import Row
from adengine.catalog.creatives.schema import CreativeIn, drafted
from adengine.catalog.documents import read
from adengine.catalog.known import Known
from adengine.errors import Invalid, Mistake

OTHERS_WRONG = Mistake("", "is right, but other rows are not, and the import is atomic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    row: int
    """From 1."""
    line: int
    values: dict[str, Any] | None
    """Of an accepted row, ready to be stored (`schema.drafted`)."""
    mistakes: tuple[Mistake, ...] = ()
    id: int | None = None
    """Once stored."""


def judged(rows: Sequence[Row], known: Known) -> list[Verdict]:
    form = CreativeIn()
    return [_judged(form, number, row, known) for number, row in enumerate(rows, 1)]


def without(verdicts: Sequence[Verdict], campaigns: Collection[int]) -> list[Verdict]:
    """With the rows rejected whose campaign is no longer one of `campaigns`."""
    gone = Mistake("/campaign", "this campaign was archived just now")
    return [
        replace(verdict, values=None, mistakes=(gone,))
        if verdict.values is not None and verdict.values["campaign"] not in campaigns
        else verdict
        for verdict in verdicts
    ]


def all_or_nothing(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """With every row rejected as soon as one is."""
    if all(verdict.values is not None for verdict in verdicts):
        return list(verdicts)
    return [replace(verdict, values=None, mistakes=verdict.mistakes or (OTHERS_WRONG,)) for verdict in verdicts]


def report(verdicts: Sequence[Verdict], *, dry_run: bool, atomic: bool) -> dict[str, Any]:
    """The document that answers an import."""
    accepted = sum(verdict.values is not None for verdict in verdicts)
    return {
        "dry_run": dry_run,
        "atomic": atomic,
        "rows": len(verdicts),
        "accepted": accepted,
        "rejected": len(verdicts) - accepted,
        "results": [_spoken(verdict) for verdict in verdicts],
    }


def _judged(form: CreativeIn, number: int, row: Row, known: Known) -> Verdict:
    if row.mistakes:
        return Verdict(row=number, line=row.line, values=None, mistakes=row.mistakes)
    try:
        return Verdict(row=number, line=row.line, values=drafted(read(form, row.document, known)))
    except Invalid as error:
        return Verdict(row=number, line=row.line, values=None, mistakes=error.mistakes)


def _spoken(verdict: Verdict) -> dict[str, Any]:
    return {
        "row": verdict.row,
        "line": verdict.line,
        "status": "rejected" if verdict.values is None else "accepted",
        "id": None if verdict.id is None else ids.public("creative", verdict.id),
        "errors": [{"pointer": mistake.pointer, "detail": mistake.detail} for mistake in verdict.mistakes],
    }
