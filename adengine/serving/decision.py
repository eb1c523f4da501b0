"""One page being decided: which hurdles its candidates have faced so far, and who stands where.

Pure, and made for one request: it grows by a hurdle at a time, because the store is asked in between (`serving.fill`).
What the catalogue alone says of each slot comes ready made (`serving.eligible`); only a page on which somebody wants
all slots or was promised a share of all pages looks at every candidate.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from adengine.caps.claims import LOG_FULL, RESERVED, Pick
from adengine.caps.records import Seen
from adengine.catalog import ids
from adengine.catalog.guards import Guard
from adengine.catalog.nouns import Facts, Level, Site, Slot
from adengine.catalog.snapshot import Rows
from adengine.counting.events import Refusal
from adengine.serving.capping import CAPPED, Clockface, capped_hurdles, kept_pick_of, refused_hurdle, spelled
from adengine.serving.draw import Floats
from adengine.serving.eligibility import excluding
from adengine.serving.eligible import Kept, Place
from adengine.serving.hurdles import ByFlight, ByThing, Hurdle, Mask, survivors
from adengine.serving.lots import page_draws
from adengine.serving.pace import Pace
from adengine.serving.page import allocate, seat
from adengine.serving.request import Asked
from adengine.serving.rotation import Rotation
from adengine.serving.scene import resolved_topics
from adengine.serving.setting import Setting
from adengine.serving.slates import Faced, Slate, raced
from adengine.topics import Taxonomy


class Decision:
    """The slots of one page on a site that is known; lists are per slot of the request, in its order."""

    def __init__(
        self,
        asked: Asked,
        kept: Kept,
        setting: Setting,
        site: Site,
        taxonomy: Taxonomy,
        now_s: int,
        seed: int,
    ) -> None:
        """seed: 64 bits that the page's lots are drawn from."""
        self.site = site
        self.asked = asked
        self._kept = kept
        self.snapshot = kept.snapshot
        self.cards = kept.cards
        self.scene = scene = setting.scene
        self.taxonomy = taxonomy
        self.now_s = now_s
        self.seed = seed
        self.rivals = kept.rivals(site.exclusive)
        varying = kept.varying(lambda: scene.facts_anywhere(asked, taxonomy, now_s))
        alike = (setting.alike, varying, kept.span(now_s))
        self.plan = kept.plan(site, asked.slots, alike, self.facts)
        self.places = self.plan.places
        slots = (place.slot for place in self.places if place is not None)
        self.topic_number = scene.topic_number(slots, taxonomy)
        self.place_number = scene.place_number
        self.pace: Pace | None = None
        """None where nothing is paced."""
        self.rotation: Rotation
        """These two: see `take_up`."""
        self.excluded: list[Hurdle] = list(self._excluding()) if any(asked.exclude) else []
        self.refused: list[Hurdle] = []
        """By what was learnt on the way."""
        self.rows: list[int | None] = [None] * len(self.places)
        """Candidates."""
        self.held = [False] * len(self.places)
        self.capped: list[Refusal] = []
        """Who had been drawn for a slot when a cap kept him out."""
        self._owed: dict[int, float] = {}
        """By flight, what it brings into the draws of this page, in place of what the pacer said."""

    def take_up(self, pace: Pace | None, rotation: Rotation) -> None:
        """What the pacer says of pages like this one."""
        self.pace, self.rotation = pace, rotation

    def take_seen(self, seen: Seen, clockface: Clockface) -> None:
        """What the reader has seen; who stands here without regard to it, and is refused now, counts as capped."""
        self.rotation.take_seen(seen)
        hurdles = capped_hurdles(self.snapshot, seen, clockface, self._kept.guarding)
        if hurdles and not any(row is not None for row in self.rows):
            self.allocate()
        for slot, row in enumerate(self.rows):
            refused = next((hurdle for hurdle in hurdles if row is not None and not hurdle.admits(row)), None)
            if refused is not None:
                self._count_capped(slot, refused.detail)
        self.refuse(*hurdles)

    def rows_left(self, place: Place) -> Rows:
        """The candidates that have passed all hurdles in a slot so far, ascending."""
        return survivors([*place.room.hurdles(self.snapshot), *self.faced()], place.eligible.rows())

    def faced(self) -> list[Hurdle]:
        """By all candidates of the page, beyond what the catalogue says, in the order in which they faced it."""
        return [*self.excluded, *(self.pace.hurdles if self.pace is not None else ()), *self.refused]

    def refuse(self, *hurdles: Hurdle) -> None:
        """All candidates face these too; those who hold a reservation keep their place."""
        self.refused.extend(hurdles)

    def refuse_guarded(self, reason: str, only: Mask | None = None) -> None:
        """Refuses what a cap guards.  only: flights (rows) to which this applies; by default all."""
        refused = self.snapshot.guarded if only is None else self.snapshot.guarded & only
        self.refuse(ByFlight(self.snapshot.candidates, reason, ~refused))

    def refuse_flight(self, reason: str, flight: int, detail: str | None = None) -> None:
        self.refuse(ByThing(self.snapshot.candidates, reason, Level.FLIGHT, (flight,), detail))

    def refuse_budgeted(self, reason: str) -> None:
        """Refuses all that needs a lease; whoever holds a reservation has one."""
        if self.pace is not None:
            self.refuse(ByFlight(self.snapshot.candidates, reason, ~self.pace.paced.budgeted))

    def allocate(self) -> None:
        """Seats the page anew around those who hold a reservation."""
        stand = [row if held else None for row, held in zip(self.rows, self.held, strict=True)]
        slates = self._slates()
        if slates is not None:
            self.rows = seat(self.snapshot.candidates, self.rivals, slates, stand, self.plan.weights)
            return
        eligible = [self.rows_left(place) if place is not None else None for place in self.places]
        self.rows = allocate(
            self.rotation.applied([rows for rows in eligible if rows is not None]),
            eligible,
            self.seed,
            stand,
            exclusive=self.site.exclusive,
            weights=self.plan.weights,
            scores=self._scores(),
            factors=[place.eligible.factors if place is not None else None for place in self.places],
        )

    @property
    def is_whole_page(self) -> bool:
        """Whether one flight has all slots, so that it keeps all of them or none."""
        if not self.plan.has_whole_pages:
            return False
        return any(row is not None and self.cards.of(row).whole_page for row in self.rows)

    def budgeted(self, row: int | None) -> int | None:
        """The flight of a candidate, if each of its impressions must be leased."""
        if row is None or self.pace is None:
            return None
        card = self.cards.of(row)
        return card.flight if card.budgeted else None

    def flights(self) -> set[int]:
        """Who stands on the page."""
        return {self.cards.of(row).flight for row in self.rows if row is not None}

    def owe(self, flight: int, score: float) -> None:
        """What a flight brings into the draws of this page, in place of what the pacer said."""
        self._owed[flight] = score

    def score(self, row: int) -> float | None:
        """What a candidate brings into the draws; None: it is drawn by weight."""
        candidates = self.snapshot.candidates
        owed = self._owed.get(int(candidates.flight[row]))
        if owed is not None or self.pace is None:
            return owed
        score = float(self.pace.paced.score[candidates.flight_row[row]])
        return None if np.isnan(score) else score

    def propensities(self) -> list[float | None]:
        """Of each slot the chance that its creative had among those of its flight that may stand there."""
        stand = np.array([row for row in self.rows if row is not None], np.int64)
        candidates = self.rotation.applied([stand])
        by_creative = [hurdle for hurdle in self.faced() if hurdle.of_creatives]
        found: list[float | None] = []
        for place, row in zip(self.places, self.rows, strict=True):
            if place is None or row is None:
                found.append(None)
                continue
            flight = candidates.flight_row[row]
            own = np.arange(candidates.first[flight], candidates.first[flight + 1])
            left = np.union1d(survivors([*place.room.hurdles(self.snapshot), *by_creative], own), [row])
            weights = candidates.creative_weight
            found.append(float(weights[row] / weights[left].sum()))
        return found

    def to_reserve(self) -> list[int]:
        """The slots whose candidate is to stand in the reader log and that hold no reservation yet."""
        card_of = self.cards.of
        standing = [(slot, row) for slot, row in enumerate(self.rows) if row is not None and not self.held[slot]]
        return [slot for slot, row in standing if card_of(row).logged]

    def pick(self, slot: int, clockface: Clockface) -> tuple[Pick, tuple[Guard, ...]]:
        """What stands in `slot` as `reserve` takes it, and its guards in the order of the pick's caps."""
        row = self.rows[slot]
        assert row is not None
        return kept_pick_of(self.snapshot, row, clockface, self._kept.picks)

    def settle(self, slots: list[int], verdicts: list[int], clockface: Clockface) -> bool:
        """Takes up the store's verdicts on the candidates in `slots`; whether none of them was refused."""
        if any(verdict != RESERVED for verdict in verdicts):
            if self.is_whole_page:
                self._refuse_whole(slots, verdicts, clockface)
                return False
            for slot, verdict in zip(slots, verdicts, strict=True):
                if verdict != RESERVED:
                    self._refuse_one(slot, verdict, clockface)
        for slot, verdict in zip(slots, verdicts, strict=True):
            self.held[slot] = self.held[slot] or verdict == RESERVED
        return all(verdict == RESERVED for verdict in verdicts)

    def facts(self, slot: Slot) -> Facts:
        return self.scene.facts(slot, self.asked, self.taxonomy, self.now_s)

    def _slates(self) -> dict[int, Slate] | None:
        """Of the open slots; None for a page on which all candidates must be looked at."""
        if self._owed or self.plan.looks_at_all:
            return None
        paced = self.pace.paced if self.pace is not None else None
        paced_out = self.pace.paced_out if self.pace is not None else None
        hurdles = [*self.excluded, *self.refused]
        page = Faced(self.snapshot, hurdles, paced_out, self.rivals.only_owners, self.rotation, self._kept.turns)
        first = page_draws(self.seed, len(self.places))
        slates: dict[int, Slate] = {}
        for number, place in enumerate(self.places):
            if place is not None and not self.held[number]:
                entrants = place.eligible.entrants(paced)
                if entrants is None:
                    return None
                slates[number] = raced(page, entrants, place.room, self.seed, number, first[number])
        return slates

    def _scores(self) -> Floats | None:
        """Shape (candidates,), as `page.allocate` takes them."""
        candidates = self.snapshot.candidates
        if self.pace is None and not self._owed:
            return None
        flights = self.pace.paced.score if self.pace is not None else np.full(len(self.snapshot.flights), np.nan)
        scores: Floats = flights[candidates.flight_row]
        for flight, score in self._owed.items():
            scores[self.snapshot.showing(flight)] = score
        return None if np.isnan(scores).all() else scores

    def _refuse_one(self, slot: int, verdict: int, clockface: Clockface) -> None:
        row = self.rows[slot]
        assert row is not None
        if verdict == LOG_FULL:
            self.refuse_guarded("reader_log_full")
        else:
            hurdle = refused_hurdle(self.snapshot, row, self.pick(slot, clockface)[1][-verdict - 1])
            self._count_capped(slot, hurdle.detail)
            self.refuse(hurdle)

    def _refuse_whole(self, slots: list[int], verdicts: list[int], clockface: Clockface) -> None:
        """A flight that wanted the whole page did not get it: it is out, by the first cap that refused it."""
        slot, verdict = next((slot, verdict) for slot, verdict in zip(slots, verdicts, strict=True) if verdict < 0)
        if verdict == LOG_FULL:
            self.refuse_guarded("reader_log_full")
            return
        row = self.rows[slot]
        assert row is not None
        guard = self.pick(slot, clockface)[1][-verdict - 1]
        self._count_capped(slot, spelled(guard))
        self.refuse_flight(CAPPED, int(self.snapshot.candidates.flight[row]), spelled(guard))

    def _count_capped(self, slot: int, cap: str | None) -> None:
        place, row = self.places[slot], self.rows[slot]
        assert place is not None and row is not None
        flight = int(self.snapshot.candidates.flight[row])
        self.capped.append(Refusal(slot=place.slot.id, flight=flight, cap=cap or ""))

    def _excluding(self) -> Iterable[Hurdle]:
        exclude = self.asked.exclude
        named = {name.casefold() for name in exclude.advertisers}
        advertisers = [
            id_
            for id_, name in self.snapshot.advertisers.items()
            if name.casefold() in named or ids.public("advertiser", id_) in named
        ]
        topics, _ = resolved_topics(exclude.topics, self.site, self.taxonomy)
        return excluding(self.snapshot, advertisers, frozenset(topic.id for topic in topics), self.taxonomy)
