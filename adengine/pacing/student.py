"""The pacer's learning: now and then, beside the pacing itself, because it reads four weeks of counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import structlog

from adengine.catalog.nouns import Rotation
from adengine.catalog.rows import Rows
from adengine.errors import DatabaseUnavailable
from adengine.learning.evidence import Evidence
from adengine.learning.learnt import Learnt
from adengine.learning.thompson import learn
from adengine.pacing.book import Book

RELEARN_S, EDITED_S = 600.0, 20.0
"""How often clicks are learnt from; how soon again after an edit."""
Gather = Callable[[Mapping[int, int], int], Evidence]
"""From the shown version of each creative and the moment, epoch s."""
_log = structlog.get_logger("adengine.pacer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What there is to learn about."""

    campaigns: Mapping[int, Sequence[int]]
    """Of each its creatives."""
    versions: Mapping[int, int]
    """Of each creative the one that is shown."""
    optimised: frozenset[int]
    paced: frozenset[int]
    """These two: campaigns, as `thompson.learn` takes them."""

    @classmethod
    def of(cls, rows: Rows, book: Book) -> Subject:
        """rows: as `catalog.load.paced_rows_of` reads them."""
        campaigns: dict[int, list[int]] = defaultdict(list)
        for row in rows["creatives"]:
            campaigns[row["campaign"]].append(row["id"])
        return cls(
            campaigns=campaigns,
            versions={row["id"]: row["version"] for row in rows["creatives"]},
            optimised=frozenset(row["id"] for row in rows["campaigns"] if row["rotation"] == Rotation.OPTIMISE.value),
            paced=frozenset(flight.campaign for flight in book.flights if flight.target is not None),
        )


class Student:
    def __init__(self, beside: Executor, evidence: Gather) -> None:
        """beside: where learning runs.  evidence: what it learns from."""
        self._beside = beside
        self._evidence = evidence
        self._subject: Subject | None = None
        self._is_edited = False
        self._learnt_s = 0.0
        self._busy: Future[Learnt] | None = None

    def begin(self) -> None:
        """Forgets when it last learnt: another one may have been leading since."""
        self._learnt_s, self._is_edited = 0.0, True

    def take_edit(self, subject: Subject) -> None:
        self._is_edited = self._is_edited or subject != self._subject
        self._subject = subject

    def turn(self, now_s: float) -> Learnt | None:
        """What is new, if anything. Never waits."""
        since_s = now_s - self._learnt_s
        is_due = since_s >= (EDITED_S if self._is_edited else RELEARN_S) or since_s < 0
        if self._busy is None and is_due and self._subject is not None:
            self._learnt_s, self._is_edited = now_s, False
            self._busy = self._beside.submit(self._learn, self._subject, int(now_s))
        if self._busy is None or not self._busy.done():
            return None
        busy, self._busy = self._busy, None
        try:
            return busy.result()
        except DatabaseUnavailable as error:
            _log.warning("waiting", why=error.detail)
            return None

    def _learn(self, subject: Subject, now_s: int) -> Learnt:
        return learn(
            self._evidence(subject.versions, now_s),
            subject.campaigns,
            optimised=subject.optimised,
            paced=subject.paced,
            number=now_s,
        )
