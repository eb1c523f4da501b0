# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""An ordinary page from its request to its answer, as machine code: what `serving.fill` does, for a third of the time.

Most pages ask for lines and nothing else: no explanation, no rehearsal, nothing excluded, nobody who wants all slots
or was promised a share. They are seated, held and written here, by the same draws and to the same bytes as there
(`tests/serving/test_express.py` holds both together). Whatever is not ordinary is left to `serving.fill` before
anything is done; once the store was asked, it is told what the store has said.
"""

from hashlib import blake2b
from libc.string cimport memcpy, memset

import structlog

from adengine.catalog.targets.devices import number_of
from adengine.counting.events import Refusal, fill_event
from adengine.counting.metrics import Kind as TokenKind
from adengine.counting.tokens import LIVES_S
from adengine.errors import StoreUnavailable
from adengine.serving import answer, request
from adengine.serving.budget import Budget
from adengine.serving.capping import Clockface, capped_hurdles, kept_pick_of
from adengine.serving.answered import EMPTY, FILLED, Answered, Told
from adengine.serving.rotation import Rotation
from adengine.serving.slates import Faced
from adengine.serving.visit import view_of
from adengine.store import keys

from adengine.express.known cimport Kind, Known, Spot
from adengine.express.gate cimport Gate
from adengine.express.gate import Unusual
from adengine.express.race cimport SLOTS_MAX, slates_of
from adengine.express.search cimport seat
from adengine.express.spelling cimport Line, Signer, Spelled, Stamp, event_of, page_of

SPELLED_MAX = answer.KEPT_MAX
assert request.SLOTS_MAX == SLOTS_MAX
cdef long long LIVES = LIVES_S[TokenKind.IMPRESSION]
cdef object NOTHING_EXCLUDED = request.Excluded()
_log = structlog.get_logger("adengine.fill")
cdef bytes NULL_WORD = b"null"


class _Faced:
    """The page's `Faced`, made when it is asked for: only what is not kept asks for it."""

    def __init__(self, snapshot, paces, cell, turns):
        self._terms = snapshot, paces, cell, turns
        self._made = None

    def __call__(self):
        if self._made is None:
            snapshot, paces, cell, turns = self._terms
            self._made = Faced(snapshot, [], None, True, Rotation(snapshot, paces.learnt(), cell), turns)
        return self._made


cdef class Page:
    """One page view on its way through the line."""
    cdef Known known
    cdef Spot spot
    cdef Kind kind
    cdef Stamp stamp
    cdef unsigned long long seed
    cdef object slots, moment, rid, paced, faced, clockface
    cdef double begun_s
    cdef long long[SLOTS_MAX] chosen
    cdef list lines, fates, racers

    cdef object clock(self):
        if self.clockface is None:
            self.clockface = Clockface(self.moment[0], self.spot.timezone)
        return self.clockface


cdef class Express:
    """Shared by all threads of a worker. It leases from `pacing.leases.Leases` alone."""
    cdef object filler, outside
    cdef Signer signer
    cdef Known known
    cdef double call_ms, page_ms
    cdef object hold_s

    def __init__(self, filler):
        """filler: the `serving.fill.Filler` that does the rest."""
        self.filler, self.outside = filler, filler.outside
        self.hold_s = filler.terms.hold_s
        self.call_ms, self.page_ms = filler.terms.store_timeout_ms, filler.terms.store_ms
        self.signer = Signer(filler.minter)

    @property
    def slots_kept(self):
        """How many slots with their limits are remembered."""
        return 0 if self.known is None else len(self.known.slots)

    def fill(self, asked, key, moment):
        """The answer; a `Told` if the store was asked and it did not come to one; None: nothing was done."""
        cdef Page page = Page.__new__(Page)
        try:
            if not self._prepare(page, asked, key, moment):
                return None
            found = self._seated(page, (), ())
        except Unusual:
            return None
        except Exception:
            if page.begun_s:
                raise
            _log.exception("compiled_fill_failed", request_id=moment.request_id)
            return None  # a fault of ours, before anything was done
        return found if not isinstance(found, Told) or found.seen is None else self._again(page, found)

    cdef object _again(self, Page page, object told):
        """Seats a page once more that a cap has refused, as `Decision.take_seen` does."""
        cdef int slot
        cdef long long row
        snapshot = page.known.snapshot
        hurdles = capped_hurdles(snapshot, told.seen, page.clock(), page.known.kept.guarding)
        capped = []
        for slot in range(len(page.lines)):
            row = page.chosen[slot]
            refused = next((hurdle for hurdle in hurdles if row >= 0 and not hurdle.admits(row)), None)
            if refused is not None:
                flight = int(snapshot.candidates.flight[row])
                capped.append(Refusal(slot=page.kind.places[slot].slot.id, flight=flight, cap=refused.detail or ""))
        try:
            return self._seated(page, hurdles, capped)
        except Unusual:
            return told

    cdef bint _prepare(self, Page page, object asked, object key, object moment) except -1:
        """Whether it is ordinary."""
        slots, words, reader, exclude, now_s, seed, preview, explain = asked
        snapshots = self.outside.snapshots
        snapshot = snapshots.current()
        if (
            snapshot is None or key is None or now_s is not None or seed is not None or preview or explain
            or exclude != NOTHING_EXCLUDED or not snapshots.database_ok or self.outside.wagers is None
        ):
            return False
        page.known = self._known_of(snapshot)
        page.spot = page.known.spot(asked, key, slots, moment[0])
        page.kind = page.spot.kind
        if not page.kind.is_ordinary:
            return False
        page.slots, page.moment = slots, moment
        paces = self.outside.paces
        page.paced = paces.known(snapshot, page.spot.cell)
        page.racers = page.kind.racers(page.paced)
        page.faced = _Faced(snapshot, paces, page.spot.cell, page.known.turns)
        self._stamp(page, words, reader)
        return True

    cdef Known _known_of(self, object snapshot):
        cdef Known known = self.known
        if known is None or known.snapshot is not snapshot or known.is_full:
            known = self.known = Known(self.filler.known_of(snapshot), self.filler.taxonomy, self.filler.cells)
        return known

    cdef int _stamp(self, Page page, object words, object reader) except -1:
        cdef Stamp* stamp = &page.stamp
        cdef const unsigned char* digest
        cdef bytes raw
        cdef int at
        now_s, request, request_id = page.moment
        reader_key, _, user_agent = reader
        raw = blake2b(request, digest_size=8).digest()  # as `visit.seed_of`
        digest = raw
        page.seed = 0
        for at in range(8):
            page.seed = page.seed << 8 | digest[at]
        stamp.issued_s = now_s
        memcpy(stamp.request, <const unsigned char*> <bytes> request, 16)
        stamp.site, stamp.place, stamp.topic = page.kind.site, page.spot.place, page.spot.topic
        stamp.view = view_of(words.view or request_id)
        memset(stamp.reader, 0, 8)
        if reader_key is not None:
            page.rid = self.outside.reader_ids.rid(page.kind.site, reader_key)
            memcpy(stamp.reader, <const unsigned char*> <bytes> page.rid, 8)
        stamp.device = number_of(user_agent) if user_agent is not None else 0
        stamp.refresh = words.refresh
        return 0

    cdef object _seated(self, Page page, object hurdles, object capped):
        """The answer, or a `Told`.  hurdles: by what its reader has seen.  capped: who was drawn, and refused by it."""
        cdef Kind kind = page.kind
        cdef list events
        cdef Gate gate = Gate(page.paced, self.outside.paces.leases, page.seed, hurdles, page.known.first)
        cdef int slot
        if page.rid is None and kind.is_logged:
            gate.skip(page.known.skipped)
        seat(slates_of(page.racers, gate, kind.rows, page.faced, page.seed), kind.weights, page.chosen)
        page.fates = [(FILLED, None)] * len(kind.places)
        page.lines = [self._line(page, slot) for slot in range(len(kind.places))]
        events = [self._event(page, slot) for slot in range(len(kind.places))]
        if not capped:
            return self._held(page, event_of(&page.stamp, events))
        stamp = page.stamp
        return self._held(page, fill_event(
            page.moment[1], stamp.issued_s, stamp.site, stamp.place, stamp.topic, events, capped, stamp.device, stamp.refresh
        ))

    cdef Line _line(self, Page page, int slot):
        cdef Line line = Line()
        cdef Known known = page.known
        cdef long long row = page.chosen[slot]
        line.id, line.leased = page.kind.ids[slot], -1
        if row < 0:
            return line
        named = row << 32 | <long long> page.kind.keys[slot]
        found = known.spelled.get(named)
        if found is None:
            shown = known.lines.shown(page.slots[slot], page.kind.places[slot].slot, row)
            found = Spelled(shown, known.kept.cards.of(row), known.lines.pieces(shown))
            if len(known.spelled) >= SPELLED_MAX:
                known.spelled.clear()
            known.spelled[named] = found
        line.spelled = <Spelled> found
        return line

    cdef bytes _event(self, Page page, int slot):
        """What a slot adds to the event; its line's reason, or the whole of an empty slot, is filled in."""
        cdef Line line = <Line> page.lines[slot]
        if line.spelled is not None and not line.spelled.is_house:
            line.reason = NULL_WORD
            return line.spelled.event
        place = page.kind.places[slot]
        reason = place.eligible.reason if line.spelled is None else place.eligible.reason_of_sponsors
        if reason is None:
            raise Unusual  # it takes a look at everybody
        shown = None if line.spelled is None else line.spelled.shown
        page.fates[slot] = (EMPTY if shown is None else FILLED, reason)
        line.reason = answer.quoted(reason)
        if shown is None:
            line.ready = answer.empty(page.slots[slot], reason)
        return answer.Outcome(page.slots[slot], place.slot, None, shown, reason).event

    cdef object _held(self, Page page, bytes event):
        """Leases and reserves what stands on the page; the answer, or a `Told`."""
        cdef Line line
        cdef bint is_held = False
        cdef list tokens = self._leased(page)
        try:
            told = self._reserved(page, event)
            is_held = told is None
        finally:
            if not is_held:
                self._give_back(tokens)
        if told is not None:
            return told
        now_s, _, request_id = page.moment
        held, lives = answer.rfc_3339(now_s + self.hold_s), answer.rfc_3339(now_s + LIVES)
        for line in page.lines:
            line.brief = not line.held and line.leased >= 0
            line.expires = held if line.held or line.brief else lives
        head = b'{"request_id":%b,"degraded":null,"fills":[' % answer.quoted(request_id)
        return Answered(page_of(head, page.lines, &page.stamp, self.signer), tuple(page.fates), None)

    cdef list _leased(self, Page page):
        """An impression of each who has a budget."""
        cdef Line line
        cdef list tokens, these = [line for line in page.lines if line.spelled is not None and line.spelled.is_budgeted]
        if not these or page.paced is None:
            return []
        tokens = self.outside.paces.leases.take_each([(<Line> line).spelled.flight for line in these])
        if None in tokens:
            self._give_back(tokens)
            raise Unusual
        for line, token in zip(these, tokens):
            line.leased = token.window
        return tokens

    cdef int _give_back(self, list tokens) except -1:
        for token in tokens:
            if token is not None:
                self.outside.paces.leases.give_back(token)
        return 0

    cdef object _reserved(self, Page page, bytes event):
        """A `Told` if the store refuses or does not answer."""
        cdef double spent_ms = 0.0
        cdef list picks = self._picks(page)
        cdef double now_s = self.outside.monotonic()
        if page.begun_s:
            spent_ms = (now_s - page.begun_s) * 1000
        else:
            page.begun_s = now_s
        snapshot = page.known.snapshot
        left_ms = int(min(self.call_ms, self.page_ms - spent_ms))
        seen = None
        try:
            if left_ms < 1:
                raise StoreUnavailable("this page has waited long enough for the store")
            bucket = keys.bucket_of(page.rid, page.moment[1])
            if picks:
                seen = self.outside.wagers.wager(
                    page.rid, picks, bucket=bucket, view=page.stamp.view, hold_s=self.hold_s,
                    retention_s=snapshot.retention_s, now_s=page.moment[0], event=event, timeout_ms=left_ms,
                )[1]
            else:
                self.outside.reader_log.reserve(
                    page.rid, (), bucket=bucket, view=page.stamp.view, hold_s=self.hold_s,
                    retention_s=snapshot.retention_s, event=event, timeout_ms=left_ms,
                )
        except StoreUnavailable:
            return Told(self._budget(page), None)
        return Told(self._budget(page), seen) if seen is not None else None

    cdef list _picks(self, Page page):
        """What of the page is to stand in the reader log."""
        cdef Known known = page.known
        cdef Line line
        cdef list picks = []
        cdef int slot
        if page.rid is None:
            return picks
        for slot in range(len(page.lines)):
            line = <Line> page.lines[slot]
            if line.spelled is not None and line.spelled.is_logged:
                pick = known.picks.get(page.chosen[slot])
                if pick is None:
                    pick = kept_pick_of(known.snapshot, page.chosen[slot], page.clock(), known.picks)
                picks.append(pick[0])
                line.held = True
        return picks

    cdef object _budget(self, Page page):
        """What is left of it for the ordinary line."""
        spent_ms = (self.outside.monotonic() - page.begun_s) * 1000
        return Budget(self.outside.monotonic, int(self.call_ms), self.page_ms - spent_ms)
