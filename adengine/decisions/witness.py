"""Answers a sampled page and notes down all that it was decided by."""

from __future__ import annotations

from typing import Any, Protocol

import structlog

from adengine import __version__
from adengine.catalog.nouns import Key
from adengine.decisions.outside import witnessed
from adengine.decisions.record import has_point, record_of
from adengine.decisions.transcript import Transcript
from adengine.serving.answered import Answered
from adengine.serving.fill import Filler
from adengine.serving.outside import Moment
from adengine.serving.request import Asked

_log = structlog.get_logger("adengine.decisions")
LOTS = 2**32


class Kept(Protocol):
    def append(self, at_s: int, record: dict[str, Any], /) -> None: ...


class Witness:
    """Shared by all threads of a worker."""

    def __init__(self, log: Kept, part: float) -> None:
        """part: of the pages that are logged."""
        self._log = log
        self._below = part * LOTS

    def wants(self, asked: Asked, moment: Moment) -> bool:
        """Every page in the same part, by its random id; none that tells where exactly a reader is, nor rehearsals."""
        is_drawn = int.from_bytes(moment.request[-4:], "big") < self._below
        return is_drawn and not asked.rehearsal and not has_point(asked)

    def fill(self, filler: Filler, asked: Asked, key: Key | None, moment: Moment) -> Answered:
        notes = Transcript()
        snapshot = filler.outside.snapshots.current()
        outside = witnessed(filler.outside, snapshot, notes)
        answered = filler.beside(outside).fill(asked, key, moment)
        if snapshot is not None:
            learnt = outside.paces.learnt()
            record = record_of(
                engine=__version__,
                asked=asked,
                site=key.site if key is not None else None,
                moment=moment,
                terms=filler.terms,
                snapshot=snapshot,
                sheet=outside.paces.sheet(),
                learnt=learnt.only(answered.decision.rotation.cell) if answered.decision is not None else learnt,
                notes=notes,
                answered=answered,
            )
            try:
                self._log.append(moment.now_s, record)
            except OSError as error:
                _log.warning("decision_not_logged", request_id=moment.request_id, why=str(error))
        return answered
