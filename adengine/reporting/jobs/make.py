"""Makes the reports that are asked for in the background, a week of counts at a time, one report after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import structlog

from adengine.catalog import ids
from adengine.errors import DatabaseUnavailable, Invalid
from adengine.reporting.calendar import DAY_S
from adengine.reporting.delivery import Report, Table
from adengine.reporting.jobs import sql
from adengine.reporting.load import Desk, Loaded, load
from adengine.reporting.query import Asked, parse
from adengine.reporting.question import Question, question_of
from adengine.reporting.saved.schema import given_of
from adengine.store.sql import reading, writing

ROWS_MAX = 200_000
SPANS_MAX = 50_000
SLICE_S = 7 * DAY_S
_log = structlog.get_logger("adengine.reports")


class NotWanted(Exception):
    """The job was dropped while it was made."""


class Maker:
    def __init__(self, desk: Desk, keep_s: int, clock: Callable[[], float] = time.time) -> None:
        """keep_s: how long a job is kept."""
        self._desk = desk
        self._keep_s = keep_s
        self._clock = clock

    def make_all(self) -> int:
        """Makes what waits; how many reports."""
        with reading(self._desk.engine) as connection:
            if not sql.has_work(connection, int(self._clock()) - self._keep_s):
                return 0
        made = 0
        while (job := self._claimed()) is not None:
            self._make(job)
            made += 1
        return made

    def _claimed(self) -> sql.Row | None:
        now_s = int(self._clock())
        with writing(self._desk.engine) as connection:
            sql.forget(connection, now_s - self._keep_s)
            return sql.claim(connection, now_s)

    def _make(self, job: sql.Row) -> None:
        """A database that is away leaves it to be made again; what else is wrong is told."""
        name = ids.public("job", job["id"])
        try:
            asked = parse(given_of(job["query"]), self._desk.world, job["created_at_s"])
            report, loaded = self._report(job, asked)
        except NotWanted:
            _log.info("report_dropped", job=name)
        except Invalid as error:
            self._fail(job, "; ".join(mistake.detail for mistake in error.mistakes))
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001  # a fault in one report must not end the others
            _log.exception("report_fault", job=name)
            self._fail(job, "a fault of the engine; the operator finds it in the log")
        else:
            with writing(self._desk.engine) as connection:
                sql.finish(connection, job["id"], report, loaded.standing, int(self._clock()))
            _log.info("report_made", job=name, rows=len(report.rows))

    def _fail(self, job: sql.Row, problem: str) -> None:
        with writing(self._desk.engine) as connection:
            sql.fail(connection, job["id"], problem, int(self._clock()))
        _log.info("report_failed", job=ids.public("job", job["id"]), why=problem)

    def _report(self, job: sql.Row, asked: Asked) -> tuple[Report, Loaded]:
        question = question_of(asked, advertiser=job["advertiser"], site=job["site"], spans_max=SPANS_MAX)
        table, source = Table(asked, question, ROWS_MAX), self._desk.source(asked)
        loaded: Loaded | None = None
        for first_span, part in _slices(question):
            loaded = load(self._desk.engine, part, source)
            read = (each._replace(span=each.span + first_span) for each in loaded.parts)
            table.take(read, self._desk.world_with(loaded))
            done = (part.end_s - question.begin_s) / (question.end_s - question.begin_s)
            with writing(self._desk.engine) as connection:
                if not sql.note(connection, job["id"], min(done, 0.99), int(self._clock())):
                    raise NotWanted
        assert loaded is not None, "a period has at least one slice"
        return loaded.sourced(table.report(self._desk.small_cells)), loaded


def _slices(question: Question) -> Iterator[tuple[int, Question]]:
    """(the number of its first span, a part of the question's time) one after another."""
    for begin_s in range(question.begin_s, question.end_s, SLICE_S):
        end_s = min(begin_s + SLICE_S, question.end_s)
        inside = [number for number, span in enumerate(question.spans) if span.begin_s < end_s and span.end_s > begin_s]
        spans = tuple(question.spans[number] for number in inside)
        yield inside[0] if inside else 0, replace(question, begin_s=begin_s, end_s=end_s, spans=spans)
