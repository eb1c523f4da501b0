"""From a page's request to its answer: the one straight line.

scene → eligibility → peek at the reader (a round trip) → allocate → reserve (a round trip; it also appends the event)
→ tokens → HTML. No SQL, no lock, two round trips whatever the number of slots and candidates.

Two requests of the same reader may race: what `reserve` refuses is masked and the page allocated again, at most twice.
A store that does not answer is never waited for longer than `STORE_MS` in all, and degrades the answer, not the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from adengine.caps.claims import ReaderLog
from adengine.catalog.nouns import Key, Site
from adengine.catalog.snapshot import Snapshot
from adengine.counting.events import Fill, SlotOutcome, fill_event
from adengine.counting.tokens import TokenMinter
from adengine.errors import StoreUnavailable
from adengine.serving import answer
from adengine.serving.budget import Budget
from adengine.serving.capping import CAPPED, Clockface, capped_hurdles
from adengine.serving.decision import Decision
from adengine.serving.explain import scene_explanation, slot_explanation
from adengine.serving.leasing import Leasing
from adengine.serving.pace import Paces
from adengine.serving.readers import ReaderIds
from adengine.serving.remembered import Remembered
from adengine.serving.request import Asked
from adengine.serving.scene import Gazetteer, Scene, scene_of
from adengine.store import keys
from adengine.topics import Taxonomy

STORE_MS = 50
"""The longest that a page waits for the store, all its calls together."""
RETRIES = 2
VIEW_BITS = 0x7FFFFFFF


class Snapshots(Protocol):
    """What is asked of `catalog.watch.SnapshotWatcher`."""

    @property
    def database_ok(self) -> bool: ...
    def current(self) -> Snapshot | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a page is decided (as the request asks, or now), and its id."""

    now_s: int
    request: bytes
    """16 bytes."""
    request_id: str
    """The same as the caller sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One page view on its way through the line."""

    decision: Decision
    leasing: Leasing
    moment: Moment
    rid: bytes | None
    """The reader, 8 bytes; None without a reader key or consent."""
    view: int
    """The page view, 31 bits."""
    seed: int
    """64 bits that lots are drawn from."""
    clockface: Clockface
    budget: Budget

    def outcomes(self) -> list[answer.Outcome]:
        return self.decision.outcomes(self.leasing.windows())


class Filler:
    """Answers pages; one is shared by all threads of a worker."""

    def __init__(
        self,
        *,
        snapshots: Snapshots,
        reader_log: ReaderLog,
        reader_ids: ReaderIds,
        minter: TokenMinter,
        gazetteer: Gazetteer,
        taxonomy: Taxonomy,
        base_url: str,
        hold_s: int,
        store_timeout_ms: int,
        monotonic: Callable[[], float],
        paces: Paces,
        store_ms: int = STORE_MS,
    ) -> None:
        """base_url: what the beacons' addresses begin with, no trailing slash.  monotonic: seconds.

        store_timeout_ms: of one call to the store.  store_ms: of all calls for one page together.
        """
        self._snapshots = snapshots
        self._reader_log = reader_log
        self._reader_ids = reader_ids
        self._minter = minter
        self._gazetteer = Remembered(gazetteer)
        self._taxonomy = taxonomy
        self._base_url = base_url
        self._hold_s = hold_s
        self._store_timeout_ms = store_timeout_ms
        self._store_ms = store_ms
        self._monotonic = monotonic
        self._paces = paces

    def fill(self, asked: Asked, key: Key | None, moment: Moment) -> dict[str, Any]:
        """The answer to a page, as JSON values. Never raises for what a page may send, nor for a store that is away.

        key: None when there was no catalogue to know it by.
        """
        snapshot = self._snapshots.current()
        if snapshot is None or key is None:
            return nothing(asked, moment, "catalogue_unavailable", degraded="L4")
        scene = scene_of(asked, key, snapshot, self._gazetteer, self._taxonomy)
        level = None if self._snapshots.database_ok else "L3"
        if scene.site is None:
            return nothing(asked, moment, "unknown_site", degraded=level)
        visit = self._visit(asked, snapshot, scene, scene.site, moment)
        store_ok = self._decide(visit)
        return self._answer(visit, level if store_ok else level or "L2")

    def _visit(self, asked: Asked, snapshot: Snapshot, scene: Scene, site: Site, moment: Moment) -> Visit:
        seed = _seed_of(moment.request if asked.seed is None else asked.seed.to_bytes(8, "big"))
        pace = self._paces.of(snapshot, seed)
        decision = Decision(asked, snapshot, scene, site, self._taxonomy, moment.now_s, pace)
        return Visit(
            decision=decision,
            leasing=Leasing(decision, self._paces),
            moment=moment,
            rid=self._reader_ids.rid(site.id, asked.reader.key) if asked.reader.key is not None else None,
            view=_view_of(asked.page.view or moment.request_id),
            seed=seed,
            clockface=Clockface(moment.now_s, site.timezone),
            budget=Budget(self._monotonic, self._store_timeout_ms, self._store_ms),
        )

    def _decide(self, visit: Visit) -> bool:
        """Seats the page; whether the store was there for it."""
        decision = visit.decision
        try:
            self._ask_reader(visit)
            visit.leasing.take_turns(visit.seed)
            decision.allocate(visit.seed)
            if not decision.asked.rehearsal:
                self._reserve(visit)
        except StoreUnavailable:
            if visit.rid is not None:
                decision.refuse_guarded("store_unavailable", decision.snapshot.skips_on_outage)
            decision.refuse_budgeted("store_unavailable")
            decision.allocate(visit.seed)
            return False
        finally:
            visit.leasing.settle()
        return True

    def _ask_reader(self, visit: Visit) -> None:
        """What the reader has seen, if any cap could care."""
        decision = visit.decision
        if not decision.has_guarded():
            return
        if visit.rid is None:
            decision.refuse_guarded("no_reader_key", decision.snapshot.skips_without_reader)
            return
        with visit.budget.call() as timeout_ms:
            seen = self._reader_log.peek(visit.rid, now_s=visit.moment.now_s, view=visit.view, timeout_ms=timeout_ms)
        decision.refuse(*capped_hurdles(decision.snapshot, seen, visit.clockface))

    def _reserve(self, visit: Visit) -> None:
        """Holds a place in the reader log for every pick that a cap guards; the call also appends the fill's event."""
        decision = visit.decision
        for _ in range(1 + RETRIES):
            self._lease(visit)
            slots = decision.to_reserve() if visit.rid is not None else []
            if decision.settle(slots, self._verdicts(visit, slots), visit.clockface):
                return
            decision.allocate(visit.seed)
        decision.refuse_guarded(CAPPED)
        decision.allocate(visit.seed)
        self._lease(visit)
        self._verdicts(visit, [])

    def _lease(self, visit: Visit) -> None:
        """Seats only who has an impression left for this page; nothing but memory is asked."""
        decision = visit.decision
        for _ in range(1 + RETRIES):
            if visit.leasing.lease():
                return
            decision.allocate(visit.seed)
        decision.refuse_budgeted("paced_out")
        decision.allocate(visit.seed)

    def _verdicts(self, visit: Visit, slots: list[int]) -> list[int]:
        """The store's verdict on what stands in each of `slots`."""
        decision = visit.decision
        picks = [decision.pick(slot, visit.clockface)[0] for slot in slots]
        event = fill_event(_event(visit))
        with visit.budget.call() as timeout_ms:
            return self._reader_log.reserve(
                visit.rid,
                picks,
                bucket=keys.bucket_of(visit.rid, visit.moment.request),
                view=visit.view,
                hold_s=self._hold_s,
                retention_s=decision.snapshot.retention_s,
                event=event,
                all_or_nothing=decision.is_whole_page,
                timeout_ms=timeout_ms,
            )

    def _answer(self, visit: Visit, degraded: str | None) -> dict[str, Any]:
        decision = visit.decision
        stamp = answer.Stamp(
            issued_s=visit.moment.now_s,
            request=visit.moment.request,
            site=decision.site.id,
            place=decision.place_number,
            topic=decision.topic_number,
            view=visit.view,
            reader=visit.rid,
            preview=decision.asked.rehearsal,
            hold_s=self._hold_s,
        )
        fills = [self._fill(decision, stamp, pick, outcome) for pick, outcome in enumerate(visit.outcomes())]
        whole: dict[str, Any] = {"request_id": visit.moment.request_id, "degraded": degraded, "fills": fills}
        if decision.asked.explain:
            whole["explain"] = scene_explanation(decision.scene)
        return whole

    def _fill(self, decision: Decision, stamp: answer.Stamp, pick: int, outcome: answer.Outcome) -> dict[str, Any]:
        shown = answer.shown_in(outcome, decision.snapshot)
        if shown is None:
            fill = answer.empty(outcome.asked, outcome.reason or "")
        else:
            urls = answer.urls_of(self._minter, self._base_url, stamp, outcome, shown, pick)
            fill = answer.filled(outcome, shown, decision.snapshot, urls, answer.expires_at_s(stamp, outcome))
        if decision.asked.explain:
            fill["explain"] = slot_explanation(decision, pick)
        return fill


def nothing(asked: Asked, moment: Moment, reason: str, *, degraded: str | None) -> dict[str, Any]:
    """The answer that leaves every slot of a page empty."""
    fills = [answer.empty(slot, reason) for slot in asked.slots]
    return {"request_id": moment.request_id, "degraded": degraded, "fills": fills}


def _event(visit: Visit) -> Fill:
    """What the fill adds to the counts."""
    decision = visit.decision
    return Fill(
        request=visit.moment.request,
        at_s=visit.moment.now_s,
        site=decision.site.id,
        slots=tuple(_slot_outcome(outcome, decision.snapshot) for outcome in visit.outcomes()),
        place=decision.place_number,
        topic=decision.topic_number,
        capped=tuple(decision.capped()),
    )


def _slot_outcome(outcome: answer.Outcome, snapshot: Snapshot) -> SlotOutcome:
    shown = answer.shown_in(outcome, snapshot)
    slot = outcome.slot.id if outcome.slot is not None else 0
    if shown is None:
        return SlotOutcome(slot=slot, reason=outcome.reason or "")
    return SlotOutcome(
        slot=slot,
        reason=outcome.reason or "",
        flight=shown.flight.id,
        creative=shown.creative.id,
        version=shown.creative.version,
        tier=shown.flight.tier,
        variant=shown.variant,
    )


def _view_of(name: str) -> int:
    """The 31-bit number of a page view, from the request id of its first fill."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big") & VIEW_BITS


def _seed_of(name: bytes) -> int:
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "big")
