# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What the compiled line keeps of one snapshot for pages that are alike: what `serving.setting` and `serving.eligible`
keep, found by one look. Shared by all threads; the worst of a race is that something is worked out twice."""

from functools import partial
from itertools import count
from weakref import ref

from adengine.serving import answer
from adengine.serving.scene import named_by

from adengine.express.gate cimport Rows
from adengine.express.race cimport racer_of
from adengine.express.gate import Unusual

SPOTS_MAX, KINDS_MAX = 16_384, 4096
SLOTS_MAX = 1024
"""Slots with their limits; a site whose pages ask for lines of any width makes all of it anew now and then."""


cdef class Kind:
    """Pages that have the same plan."""

    cdef list racers(self, object paced):
        """The flights that the pacer lets ask, for each slot, by class."""
        cdef object score = None if paced is None else paced.score
        cdef tuple taken = self.taken  # with what it is of, in one: other threads may put another one in its place
        cdef list racers
        if taken is not None and (taken[0]() if taken[0] is not None else None) is score:
            return <list> taken[1]
        racers = []
        for place in self.places:
            entrants = place.eligible.entrants(paced)
            if entrants is None:
                raise Unusual
            racers.append([racer_of(one) for one in entrants])
        self.taken = None if score is None else ref(score), racers
        return racers


cdef class Spot:
    """Pages that ask in the same words."""


cdef class Known:
    def __init__(self, known, taxonomy, cells):
        """known: a Filler's `Known`."""
        cdef object kept = known.settings.kept
        self.snapshot, self.lines, self.settings, self.kept = known.lines.snapshot, known.lines, known.settings, kept
        self.taxonomy, self.cells = taxonomy, cells
        self.spots, self.kinds, self.spelled, self.slots = {}, {}, {}, {}
        self.first = self.snapshot.candidates.first
        self.picks, self.turns = kept.picks, kept.turns
        self.skipped = (self.snapshot.guarded & self.snapshot.skips_without_reader).tobytes()
        self.varies = kept.varies
        self.spanned, self.numbers = (0.0, 0.0, 0), count()
        self.generation = kept.generation

    cdef Spot spot(self, object asked, object key, object slots, long long now_s):
        cdef object site = key.site, page = asked.page, words = asked.reader.place, named, setting, varying = ()
        cdef Spot spot
        cdef tuple spanned
        cdef long long span
        if self.generation != self.kept.generation:  # it has let go of what its kinds are made of
            self.generation = self.kept.generation
            self.spots.clear()
            self.kinds.clear()
        spanned = self.spanned
        if not <double> spanned[0] <= now_s < <double> spanned[1]:
            spanned = self.spanned = self.kept.spanned(now_s)
        span = spanned[2]
        if (site is not None or not page.url) and type(words) is str:
            named = (site, page.topics, words, slots)  # says as much as `scene.named_by`, with the slots
        else:
            named = (named_by(asked, key), slots)
        spot = <Spot> self.spots.get(named)
        if self.varies:
            setting = self.settings.of(asked, key)
            varying = self.kept.varying(partial(setting.scene.facts_anywhere, asked, self.taxonomy, now_s))
        if spot is None or spot.span != span or spot.varying != varying:
            spot = self._made(asked, self.settings.of(asked, key), slots, now_s, span, varying)
            if len(self.spots) >= SPOTS_MAX:
                self.spots.clear()
            self.spots[named] = spot
        return spot

    cdef Spot _made(self, object asked, object setting, object slots, long long now_s, long long span, object varying):
        cdef Spot spot = Spot()
        cdef Kind kind
        scene = setting.scene
        if scene.site is None:
            raise Unusual
        named = (scene.site.id, slots, setting.alike, varying, span)
        kind = <Kind> self.kinds.get(named)
        if kind is None:
            plan = self.kept.plan(
                scene.site, slots, (setting.alike, varying, span),
                partial(scene.facts, asked=asked, taxonomy=self.taxonomy, now_s=now_s),
            )
            kind = self._kind(scene.site, slots, plan)
            if len(self.kinds) >= KINDS_MAX:
                self.kinds.clear()
            self.kinds[named] = kind
        there = [place.slot for place in kind.places if place is not None]
        spot.kind, spot.span, spot.varying, spot.timezone = kind, span, varying, scene.site.timezone
        spot.place, spot.topic = scene.place_number, scene.topic_number(there, self.taxonomy)
        spot.cell = self.cells.of(spot.place, spot.topic)
        return spot

    cdef Kind _kind(self, object site, object slots, object plan):
        cdef Kind kind = Kind()
        kind.site = site.id
        kind.rivals = self.kept.rivals(site.exclusive)
        kind.places = list(plan.places)
        kind.weights = list(plan.weights)
        kind.is_logged = plan.is_logged
        kind.is_ordinary = (
            None not in kind.places and kind.rivals.only_owners and not plan.needs_reader and not plan.has_whole_pages
        )
        if kind.is_ordinary:
            kind.ids = [answer.quoted(slot.id) for slot in slots]
            named = [(place.slot.id, slot.max_width_px, slot.font_px, slot.max_chars)
                     for place, slot in zip(kind.places, slots)]
            held = [self.slots.get(name) or self.slots.setdefault(name, (next(self.numbers), {})) for name in named]
            kind.keys = [number for number, _ in held]
            kind.rows = [
                Rows(self.turns, kind.rivals, self.snapshot, place.room, fits)
                for place, (_, fits) in zip(kind.places, held)
            ]
            self.is_full = len(self.slots) > SLOTS_MAX
        return kind
