"""One page being decided: which hurdles its slots' candidates have faced so far, and who stands where.

Pure, and made for one request: it grows by a hurdle at a time, because the store is asked in between (`serving.fill`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from adengine.caps.claims import LOG_FULL, RESERVED, Pick
from adengine.catalog import ids
from adengine.catalog.guards import Guard
from adengine.catalog.nouns import Level, Site
from adengine.catalog.snapshot import Snapshot
from adengine.counting.events import Refusal
from adengine.serving.answer import Outcome
from adengine.serving.capping import CAPPED, Clockface, pick_of, refused_hurdle, spelled
from adengine.serving.eligibility import Eligibility, Hurdle, Mask, furthest_reason, refusals, survivors
from adengine.serving.pace import Pace
from adengine.serving.page import allocate, is_whole_page
from adengine.serving.reasons import NAMES
from adengine.serving.request import Asked
from adengine.serving.rivals import Rivals
from adengine.serving.scene import Scene, resolved_topics
from adengine.topics import Taxonomy


class Decision:
    """The slots of one page on a site that is known. `rows` and `held` are per slot of the request, in its order."""

    def __init__(
        self,
        asked: Asked,
        snapshot: Snapshot,
        scene: Scene,
        site: Site,
        taxonomy: Taxonomy,
        now_s: int,
        pace: Pace | None = None,
    ) -> None:
        """pace: None where nothing is paced."""
        self.site = site
        self.asked = asked
        self.snapshot = snapshot
        self.scene = scene
        self.slots = [snapshot.slots.get((self.site.id, slot.slot)) for slot in asked.slots]
        self.topics = [scene.topics_in(slot, taxonomy) if slot is not None else () for slot in self.slots]
        self.pace = pace
        self.hurdles = self._first_hurdles(taxonomy, now_s)
        self._guarded: Mask = snapshot.guarded[snapshot.candidates.flight_row]
        self.rivals = Rivals(snapshot.candidates, site.exclusive)
        self.rows: list[int | None] = [None] * len(self.slots)
        self.held = [False] * len(self.slots)
        self._scores = pace.score[snapshot.candidates.flight_row] if pace is not None and pace.is_scored else None

    @property
    def topic_number(self) -> int:
        """What the page counts as being about: its first topic; 0 for none."""
        return next((topics[0].number for topics in self.topics if topics), 0)

    @property
    def place_number(self) -> int:
        """Where the page counts as being read; 0 for nowhere."""
        return self.scene.place.id if self.scene.place is not None else 0

    def has_guarded(self) -> bool:
        """Whether a cap guards any candidate that is left, so that the reader matters."""
        return any(self._guarded[survivors(hurdles)].any() for hurdles in self.hurdles if hurdles)

    def refuse(self, *hurdles: Hurdle) -> None:
        """Every slot's candidates face these too; those who hold a reservation keep their place."""
        for slot_hurdles in self.hurdles:
            if slot_hurdles:
                slot_hurdles.extend(hurdles)

    def refuse_guarded(self, reason: str, only: Mask | None = None) -> None:
        """Refuses what a cap guards.  only: flights (rows) to which this applies; by default all."""
        refused = self.snapshot.guarded if only is None else self.snapshot.guarded & only
        self.refuse(Hurdle(reason=reason, passes=~refused[self.snapshot.candidates.flight_row]))

    def allocate(self, seed: int) -> None:
        """Seats the page anew around those who hold a reservation."""
        self.rows = allocate(
            self.snapshot.candidates,
            [survivors(hurdles) if hurdles else None for hurdles in self.hurdles],
            seed,
            [row if held else None for row, held in zip(self.rows, self.held, strict=True)],
            exclusive=self.site.exclusive,
            weights=[slot.position_weight if slot is not None else 1.0 for slot in self.slots],
            scores=self._scores,
        )

    @property
    def is_whole_page(self) -> bool:
        """Whether one flight has all slots, so that it keeps all of them or none."""
        return is_whole_page(self.snapshot.candidates, self.rows)

    def refuse_flight(self, reason: str, flight: int) -> None:
        passes = np.ones(len(self.snapshot.candidates), bool)
        passes[self.snapshot.showing(Level.FLIGHT, flight)] = False
        self.refuse(Hurdle(reason=reason, passes=passes))

    def refuse_budgeted(self, reason: str) -> None:
        """Refuses all that needs a lease; whoever holds a reservation has one."""
        if self.pace is not None:
            self.refuse(Hurdle(reason=reason, passes=~self.pace.budgeted[self.snapshot.candidates.flight_row]))

    def budgeted(self, row: int | None) -> int | None:
        """The flight of a candidate, if each of its impressions must be leased."""
        if row is None or self.pace is None or not self.pace.budgeted[self.snapshot.candidates.flight_row[row]]:
            return None
        return int(self.snapshot.candidates.flight[row])

    def flights(self) -> set[int]:
        """Who stands on the page."""
        return {int(self.snapshot.candidates.flight[row]) for row in self.rows if row is not None}

    def set_score(self, flight: int, score: float) -> None:
        """What a flight brings into the draws of this page, in place of what the pacer said."""
        if self._scores is None:
            self._scores = np.full(len(self.snapshot.candidates), np.nan)
        self._scores[self.snapshot.showing(Level.FLIGHT, flight)] = score

    def score(self, row: int) -> float | None:
        """What a candidate brings into the draws; None: it is drawn by weight."""
        return None if self._scores is None or np.isnan(self._scores[row]) else float(self._scores[row])

    def to_reserve(self) -> list[int]:
        """The slots whose candidate a cap guards and that hold no reservation yet."""
        return [
            slot for slot, row in enumerate(self.rows) if row is not None and not self.held[slot] and self._guarded[row]
        ]

    def pick(self, slot: int, clockface: Clockface) -> tuple[Pick, tuple[Guard, ...]]:
        """What stands in `slot` as `reserve` takes it, and its guards in the order of the pick's caps."""
        row = self.rows[slot]
        assert row is not None
        return pick_of(self.snapshot, row, clockface)

    def settle(self, slots: list[int], verdicts: list[int], clockface: Clockface) -> bool:
        """Takes up the store's verdicts on the candidates in `slots`; whether none of them was refused."""
        if self.is_whole_page and any(verdict != RESERVED for verdict in verdicts):
            self._refuse_whole(slots, verdicts, clockface)
            return False
        refused = False
        for slot, verdict in zip(slots, verdicts, strict=True):
            row = self.rows[slot]
            assert row is not None
            if verdict == RESERVED:
                self.held[slot] = True
                continue
            refused = True
            if verdict == LOG_FULL:
                self.refuse_guarded("reader_log_full")
            else:
                guard = self.pick(slot, clockface)[1][-verdict - 1]
                self.refuse(refused_hurdle(self.snapshot, row, guard))
        return not refused

    def _refuse_whole(self, slots: list[int], verdicts: list[int], clockface: Clockface) -> None:
        """A flight that wanted the whole page did not get it: it is out, by the first cap that refused it."""
        slot, verdict = next((slot, verdict) for slot, verdict in zip(slots, verdicts, strict=True) if verdict < 0)
        if verdict == LOG_FULL:
            self.refuse_guarded("reader_log_full")
            return
        row = self.rows[slot]
        assert row is not None
        passes = self.snapshot.candidates.flight_row != self.snapshot.candidates.flight_row[row]
        self.refuse(Hurdle(reason=CAPPED, passes=passes, detail=spelled(self.pick(slot, clockface)[1][-verdict - 1])))

    def outcomes(self, leased: Mapping[int, int]) -> list[Outcome]:
        """leased: by slot, the window in which its impression was leased."""
        return [
            Outcome(
                asked=asked,
                slot=slot,
                row=row,
                reason=self._reason(index),
                held=self.held[index],
                brief=not self.held[index] and self.budgeted(row) is not None,
                leased=leased.get(index),
            )
            for index, (asked, slot, row) in enumerate(zip(self.asked.slots, self.slots, self.rows, strict=True))
        ]

    def page_reason(self, index: int, row: int) -> str:
        """Why a candidate that passed every hurdle does not stand in a slot: who else stands on the page."""
        candidates = self.snapshot.candidates
        if candidates.whole_page[row] and not self.is_whole_page:
            return "roadblock_incomplete"
        others = [other for slot, other in enumerate(self.rows) if slot != index and other is not None]
        return self.rivals.conflict(row, others) or "outranked"

    def capped(self) -> list[Refusal]:
        """The flights that only a cap kept out of a slot."""
        return [
            Refusal(slot=slot.id, flight=flight, cap=cap)
            for slot, hurdles in zip(self.slots, self.hurdles, strict=True)
            if slot is not None and any(hurdle.reason == CAPPED for hurdle in hurdles)
            for flight, cap in self._capped_in(hurdles).items()
        ]

    def _first_hurdles(self, taxonomy: Taxonomy, now_s: int) -> list[list[Hurdle]]:
        """What can be asked without the reader; no hurdles for a slot that is not registered."""
        eligibility = Eligibility(self.snapshot, now_s)
        excluded = list(self._excluding(eligibility, taxonomy))
        paced = list(eligibility.paced(self.pace)) if self.pace is not None else []
        return [
            [
                *eligibility.targeting(self.scene.facts(slot, taxonomy, now_s)),
                *excluded,
                *eligibility.fitting(asked, slot),
                *paced,
            ]
            if slot is not None
            else []
            for asked, slot in zip(self.asked.slots, self.slots, strict=True)
        ]

    def _excluding(self, eligibility: Eligibility, taxonomy: Taxonomy) -> Iterable[Hurdle]:
        exclude = self.asked.exclude
        if not exclude.advertisers and not exclude.topics:
            return ()
        named = {name.casefold() for name in exclude.advertisers}
        advertisers = [
            id_
            for id_, name in self.snapshot.advertisers.items()
            if name.casefold() in named or ids.public("advertiser", id_) in named
        ]
        topics, _ = resolved_topics(exclude.topics, self.site, taxonomy)
        return eligibility.excluding(advertisers, frozenset(topic.id for topic in topics), taxonomy)

    def _reason(self, index: int) -> str | None:
        """Why a slot is empty or holds a house line: the reason of those who got furthest; None beside a sponsor."""
        row, hurdles = self.rows[index], self.hurdles[index]
        house = self.snapshot.candidates.house
        if not hurdles:
            return "unknown_slot"
        if row is not None and not house[row]:
            return None
        among = np.ones_like(house) if row is None else ~house
        return furthest_reason(hurdles, among) or self._furthest_on_page(index, among)

    def _furthest_on_page(self, index: int, among: Mask) -> str:
        """The same for those whom only the page refused; candidates of one flight and categories fare alike."""
        rows = survivors([*self.hurdles[index], Hurdle(reason="", passes=among)])
        kinds = {(self.snapshot.candidates.flight[row], self.rivals.keys(row)): row for row in rows.tolist()}
        return max((self.page_reason(index, row) for row in kinds.values()), key=NAMES.index)

    def _capped_in(self, hurdles: Sequence[Hurdle]) -> dict[int, str]:
        """Flight -> the first cap that refused it, of the flights with a candidate that failed no other hurdle."""
        first = refusals(hurdles, len(self.snapshot.candidates))
        found: dict[int, str] = {}
        for index, hurdle in enumerate(hurdles):
            if hurdle.reason == CAPPED:
                for flight in np.unique(self.snapshot.candidates.flight[first == index]).tolist():
                    found.setdefault(flight, hurdle.detail or "")
        return found
