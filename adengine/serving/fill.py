"""From a page's request to its answer: the one straight line.

setting → eligibility → allocate → reserve (a round trip; it also appends the event) → tokens → HTML. If a cap refuses
somebody, the answer tells what the reader has seen, and the page is allocated and reserved once more. No SQL, no lock,
two round trips at most whatever the number of slots and candidates.

Two requests of the same reader may race: what `reserve` refuses is masked and the page allocated again, at most twice.
A store that does not answer is never waited for longer than `STORE_MS` in all, and degrades the answer, not the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

from adengine.caps.records import Seen
from adengine.catalog.nouns import Key, Site
from adengine.catalog.snapshot import Snapshot
from adengine.catalog.targets.devices import number_of
from adengine.counting.tokens import TokenMinter
from adengine.errors import StoreUnavailable
from adengine.learning.cells import Cells
from adengine.serving import answer
from adengine.serving.answered import EMPTY, FILLED, Answered, Express, Told, nothing
from adengine.serving.budget import Budget
from adengine.serving.capping import CAPPED, Clockface
from adengine.serving.decision import Decision
from adengine.serving.eligible import Kept
from adengine.serving.explain import scene_explanation, slot_explanation
from adengine.serving.leasing import Leasing
from adengine.serving.outside import Moment, Outside, Terms, Wagers
from adengine.serving.remembered import Remembered
from adengine.serving.request import Asked
from adengine.serving.rotation import Rotation
from adengine.serving.scene import Gazetteer
from adengine.serving.setting import Setting, Settings
from adengine.serving.visit import Visit, event_of, seed_of, view_of
from adengine.store import keys
from adengine.topics import Taxonomy

RETRIES = 2


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of a snapshot for pages that are alike."""

    settings: Settings
    lines: answer.Lines


class Filler:
    """Answers pages; one is shared by all threads of a worker."""

    def __init__(
        self,
        *,
        outside: Outside,
        minter: TokenMinter,
        gazetteer: Gazetteer,
        taxonomy: Taxonomy,
        terms: Terms,
    ) -> None:
        self._outside = outside
        self.minter = minter
        self._gazetteer = Remembered(gazetteer)
        self.taxonomy = taxonomy
        self.cells = Cells(gazetteer, taxonomy)
        self.terms = terms
        self._known: Known | None = None
        self.express: Express | None = None
        """What answers ordinary pages sooner, if it is there."""

    @property
    def outside(self) -> Outside:
        return self._outside

    def beside(self, outside: Outside) -> Filler:
        """The same, with another outside."""
        other = copy(self)
        other._outside, other.express = outside, None
        return other

    def fill(self, asked: Asked, key: Key | None, moment: Moment) -> Answered:
        """The answer to a page. Never raises for what a page may send, nor for a store that is away.

        key: None when there was no catalogue to know it by.
        """
        done = self.express.fill(asked, key, moment) if self.express is not None else None
        return done if isinstance(done, Answered) else self._at_length(asked, key, moment, done)

    def _at_length(self, asked: Asked, key: Key | None, moment: Moment, told: Told | None) -> Answered:
        snapshots = self._outside.snapshots
        snapshot = snapshots.current() if asked.now_s is None else snapshots.as_of(asked.now_s)
        if snapshot is None or key is None:
            return nothing(asked, moment, "catalogue_unavailable", degraded="L4")
        known = self.known_of(snapshot)
        setting = known.settings.of(asked, key)
        level = None if self._outside.snapshots.database_ok else "L3"
        if setting.scene.site is None:
            return nothing(asked, moment, "unknown_site", degraded=level)
        visit = self._visit(asked, known, setting, setting.scene.site, moment, told)
        store_ok = self._decide(visit, told)
        return self._answer(visit, level if store_ok else level or "L2")

    def _visit(
        self, asked: Asked, known: Known, setting: Setting, site: Site, moment: Moment, told: Told | None
    ) -> Visit:
        seed = seed_of(moment.request if asked.seed is None else asked.seed.to_bytes(8, "big"))
        snapshot = known.lines.snapshot
        decision = Decision(asked, known.settings.kept, setting, site, self.taxonomy, moment.now_s, seed)
        cell = self.cells.of(decision.place_number, decision.topic_number)
        paces = self._outside.paces
        decision.take_up(paces.of(snapshot, seed, cell), Rotation(snapshot, paces.learnt(), cell))
        return Visit(
            decision=decision,
            leasing=Leasing(decision, paces),
            moment=moment,
            rid=self._outside.reader_ids.rid(site.id, asked.reader.key) if asked.reader.key is not None else None,
            view=view_of(asked.page.view or moment.request_id),
            clockface=Clockface(moment.now_s, site.timezone),
            budget=told.budget if told is not None else self._budget(),
            is_told=told is not None,
            lines=known.lines,
            device=number_of(asked.reader.user_agent),
        )

    def _budget(self) -> Budget:
        return Budget(self._outside.monotonic, self.terms.store_timeout_ms, self.terms.store_ms)

    def known_of(self, snapshot: Snapshot) -> Known:
        known = self._known
        if known is not None and known.lines.snapshot is snapshot:
            return known
        known = Known(
            Settings(Kept(snapshot), self._gazetteer, self.taxonomy),
            answer.Lines(snapshot, self.terms.base_url, self.minter),
        )
        if snapshot is self._outside.snapshots.current():
            self._known = known  # another time's is made for its page and must not push out the one of all others
        return known

    def _decide(self, visit: Visit, told: Told | None) -> bool:
        """Seats the page; whether the store was there for it."""
        decision = visit.decision
        try:
            if told is None:
                self._ask_reader(visit)
            elif told.seen is not None:
                decision.take_seen(told.seen, visit.clockface)
            else:
                raise StoreUnavailable("the store did not answer this page before")
            visit.leasing.take_turns()
            decision.allocate()
            if not decision.asked.rehearsal:
                self._reserve(visit)
        except StoreUnavailable:
            if visit.rid is not None:
                decision.refuse_guarded("store_unavailable", decision.snapshot.skips_on_outage)
            decision.refuse_budgeted("store_unavailable")
            decision.allocate()
            return False
        finally:
            visit.leasing.settle()
        return True

    def _ask_reader(self, visit: Visit) -> None:
        """What the reader has seen, if more could care than the caps of those who are drawn."""
        decision = visit.decision
        if not decision.plan.is_logged:
            return
        if visit.rid is None:
            decision.refuse_guarded("no_reader_key", decision.snapshot.skips_without_reader)
            return
        if self._outside.wagers is None or not visit.may_wager:
            decision.take_seen(visit.budget.spend(partial(self._peek, visit, visit.rid)), visit.clockface)

    def _peek(self, visit: Visit, rid: bytes, timeout_ms: int) -> Seen:
        return self._outside.reader_log.peek(rid, now_s=visit.moment.now_s, view=visit.view, timeout_ms=timeout_ms)

    def _reserve(self, visit: Visit) -> None:
        """Holds a place in the reader log for each pick that goes there; the call also appends the fill's event."""
        decision = visit.decision
        wagers = self._outside.wagers
        if wagers is not None and visit.may_wager and self._is_won(visit, wagers):
            return
        for _ in range(1 + RETRIES):
            self._lease(visit)
            slots = decision.to_reserve() if visit.rid is not None else []
            if decision.settle(slots, self._verdicts(visit, slots), visit.clockface):
                return
            decision.allocate()
        decision.refuse_guarded(CAPPED)
        decision.allocate()
        self._lease(visit)
        self._verdicts(visit, [])

    def _is_won(self, visit: Visit, wagers: Wagers) -> bool:
        """Holds the page that was seated without a look at the reader; if it is refused, seats it anew with one.

        It comes to the same page as looking first: whoever is not refused stands as he would have stood, because nobody
        who is drawn depends on who is passed by (`serving.lots`). Most pages are spared a round trip.
        """
        decision = visit.decision
        self._lease(visit)
        slots = decision.to_reserve()
        if not slots:
            self._verdicts(visit, [])
            return True
        verdicts, seen = visit.budget.spend(partial(self._wager, visit, wagers, slots))
        if seen is None:
            return decision.settle(slots, verdicts, visit.clockface)
        decision.take_seen(seen, visit.clockface)
        decision.allocate()
        return False

    def _lease(self, visit: Visit) -> None:
        """Seats only who has an impression left for this page; nothing but memory is asked."""
        decision = visit.decision
        for _ in range(1 + RETRIES):
            if visit.leasing.lease():
                return
            decision.allocate()
        decision.refuse_budgeted("paced_out")
        decision.allocate()

    def _wager(self, visit: Visit, wagers: Wagers, slots: list[int], timeout_ms: int) -> tuple[list[int], Seen | None]:
        assert visit.rid is not None
        picks = [visit.decision.pick(slot, visit.clockface)[0] for slot in slots]
        now_s = visit.moment.now_s
        return wagers.wager(visit.rid, picks, now_s=now_s, timeout_ms=timeout_ms, **self._terms_of(visit))

    def _verdicts(self, visit: Visit, slots: list[int]) -> list[int]:
        """The store's verdict on what stands in each of `slots`."""
        return visit.budget.spend(partial(self._reserved, visit, slots))

    def _reserved(self, visit: Visit, slots: list[int], timeout_ms: int) -> list[int]:
        decision = visit.decision
        return self._outside.reader_log.reserve(
            visit.rid,
            [decision.pick(slot, visit.clockface)[0] for slot in slots],
            all_or_nothing=decision.is_whole_page,
            timeout_ms=timeout_ms,
            **self._terms_of(visit),
        )

    def _terms_of(self, visit: Visit) -> dict[str, Any]:
        """What every reservation says of its page."""
        return {
            "bucket": keys.bucket_of(visit.rid, visit.moment.request),
            "view": visit.view,
            "hold_s": self.terms.hold_s,
            "retention_s": visit.decision.snapshot.retention_s,
            "event": event_of(visit),
        }

    def _answer(self, visit: Visit, degraded: str | None) -> Answered:
        decision, outcomes = visit.decision, visit.outcomes()
        moment, site = visit.moment, decision.site.id
        stamp = answer.Stamp(
            moment.now_s, moment.request, site, decision.place_number, decision.topic_number, visit.view, visit.rid,
            decision.asked.rehearsal, visit.device, decision.asked.page.refresh, self.terms.hold_s,
        )  # fmt: skip
        leased = visit.leasing.windows()
        fills = [self._fill(visit, stamp, pick, outcome, leased) for pick, outcome in enumerate(outcomes)]
        explanation = scene_explanation(decision.scene) if decision.asked.explain else None
        return Answered(
            body=answer.page(moment.request_id, degraded, fills, explanation),
            fates=tuple([(FILLED if outcome.shown is not None else EMPTY, outcome.reason) for outcome in outcomes]),
            degraded=degraded,
            decision=decision,
        )

    def _fill(
        self, visit: Visit, stamp: answer.Stamp, pick: int, outcome: answer.Outcome, leased: Mapping[int, int]
    ) -> bytes:
        decision = visit.decision
        if outcome.shown is None:
            fill = answer.empty(outcome.asked, outcome.reason or "")
        else:
            held = decision.held[pick]
            brief = not held and decision.budgeted(outcome.row) is not None
            fill = visit.lines.filled(stamp, outcome, answer.Claim(pick, held, brief, leased.get(pick)))
        return answer.explained(fill, slot_explanation(decision, pick)) if decision.asked.explain else fill
