"""The reports that the keeper makes in the background and sends on their schedules."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Engine

from adengine import places, topics
from adengine.reporting.jobs.make import Maker
from adengine.reporting.load import Desk
from adengine.reporting.saved.send import FOLDER, Sender
from adengine.reporting.segments import events_of
from adengine.reporting.terms import terms_of
from adengine.settings import Settings


class Reports:
    def __init__(self, settings: Settings, engine: Engine) -> None:
        gazetteer, events = places.load(settings.data_dir), events_of(settings)
        desk = Desk(engine, gazetteer, topics.load(), settings.small_cells, events=events)
        terms = terms_of(settings)
        self._folder: Path = settings.data_dir / FOLDER
        self._keep_s = terms.keep_s
        self.make = Maker(desk, terms.keep_s).make_all
        self.send = Sender(desk, terms, self._folder).send_due

    def forget(self) -> None:
        """Drops files that schedules wrote long ago."""
        for path in self._folder.glob("rpt_*"):
            if path.stat().st_mtime < time.time() - self._keep_s:
                path.unlink(missing_ok=True)
