# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The search of `serving.owners` for the best page, as machine code: the same page, bit by bit. Pure.

That module says why it is the best. Where it gives up this raises `Unusual`.
"""

from libc.stdlib cimport free as free_, malloc

from adengine.serving import worths as _worths
from adengine.serving.owners import PAGES_MAX as _PAGES_MAX
from adengine.serving.rivals import NOBODY as _NOBODY

from adengine.express.race cimport CLASSES_MAX, SLOTS_MAX, Racer, Slate
from adengine.express.gate import Unusual

cdef long long NOBODY = _NOBODY
cdef int PAGES_MAX = _PAGES_MAX
cdef long long STEPS = _worths.STEPS
cdef long long WEIGHT_STEPS = _worths.WEIGHT_STEPS
cdef long long WORTHS_A_SLOT = _worths.POSITION_WEIGHT_MAX * _worths.STEPS + _worths.LISTED_MAX


cdef enum:
    BARRED_MAX = 24
    WAITING_MAX = 160


cdef struct Page:
    long long lost[CLASSES_MAX]
    int number
    int at[SLOTS_MAX]
    int barred
    long long owners[BARRED_MAX]
    int slots[BARRED_MAX]


cdef class Search:
    """`serving.owners` over these slates."""
    cdef list slates
    cdef int slots, classes
    cdef list ranks
    cdef int[SLOTS_MAX][CLASSES_MAX] class_of
    cdef double[SLOTS_MAX] steps
    cdef long long[SLOTS_MAX] seats
    cdef int waiting
    cdef Page* pages

    def __dealloc__(self):
        free_(self.pages)

    cdef int scale(self, list weights) except -1:
        """As `worths.Scale`; classes are told apart by their place, best first, instead of by powers of a base."""
        cdef long long slots = len(weights), most = 0, worths, place
        cdef int at, number
        cdef double weight
        cdef Slate slate
        ranks = sorted({(<Racer> racer).rank for slate_ in self.slates for racer in (<Slate> slate_).racers})
        self.classes = len(ranks)
        if self.classes > CLASSES_MAX:
            raise Unusual
        for at in range(self.slots):
            slate = <Slate> self.slates[at]
            for number in range(len(slate.racers)):
                self.class_of[at][number] = ranks.index((<Racer> slate.racers[number]).rank)
        places = []
        for number in range(slots):
            weight = weights[number]
            place = <long long> (weight * WEIGHT_STEPS) * (slots * slots + 1) + slots - number
            places.append(place)
            most = place if place > most else most
        worths = slots * WORTHS_A_SLOT + 1
        for at in range(self.slots):
            weight = weights[at]
            self.steps[at] = weight * STEPS
            self.seats[at] = (slots * most + 1 + <long long> places[at]) * worths
        return 0

    cdef long long value(self, int slot, int place):
        cdef Slate slate = <Slate> self.slates[slot]
        cdef long long fine = <long long> (slate.worths[place] * self.steps[slot])
        return self.seats[slot] + (fine if fine else 1)

    cdef int free(self, int slot, int at, Page* page) except -1:
        """The first from `at` on who is not barred."""
        cdef Slate slate = <Slate> self.slates[slot]
        cdef int number
        cdef bint barred
        while slate.reach(at):
            barred = False
            for number in range(page.barred):
                if page.owners[number] == slate.whose[at] and page.slots[number] & (1 << slot):
                    barred = True
                    break
            if not barred:
                return at
            at += 1
        return at

    cdef int bar(self, Page* page, long long owner, int slots, bint only) except -1:
        cdef int number
        for number in range(page.barred):
            if page.owners[number] == owner:
                page.slots[number] = slots if only else page.slots[number] | slots
                return 0
        if page.barred == BARRED_MAX:
            raise Unusual
        page.owners[page.barred] = owner
        page.slots[page.barred] = slots
        page.barred += 1
        return 0

    cdef long long wanted_twice(self, Page* page, bint* found) except? -9:
        """The first owner who stands in two slots, in the order of the second."""
        cdef long long[SLOTS_MAX] seen
        cdef int slot, number, known = 0
        cdef long long owner
        cdef Slate slate
        found[0] = False
        for slot in range(self.slots):
            slate = <Slate> self.slates[slot]
            if not slate.reach(page.at[slot]):
                continue
            owner = slate.whose[page.at[slot]]
            for number in range(known):
                if seen[number] == owner:
                    found[0] = True
                    return owner
            if owner != NOBODY:
                seen[known] = owner
                known += 1
        return 0

    cdef int push(self, Page* page) except -1:
        if self.waiting == WAITING_MAX:
            raise Unusual
        self.pages[self.waiting] = page[0]
        self.waiting += 1
        return 0

    cdef bint is_before(self, Page* page, Page* other):
        cdef int number
        for number in range(self.classes):
            if page.lost[number] != other.lost[number]:
                return page.lost[number] < other.lost[number]
        if page.number != other.number:
            return page.number < other.number
        for number in range(self.slots):
            if page.at[number] != other.at[number]:
                return page.at[number] < other.at[number]
        return False

    cdef Page pop(self):
        cdef int number, best = 0
        cdef Page page
        for number in range(1, self.waiting):
            if self.is_before(&self.pages[number], &self.pages[best]):
                best = number
        page = self.pages[best]
        self.waiting -= 1
        self.pages[best] = self.pages[self.waiting]
        return page

    cdef int lose(self, Page* page, int slot, int place, int sign):
        """What stands at `place` of a slot is taken from the page (1), or given back (-1)."""
        cdef Slate slate = <Slate> self.slates[slot]
        if place < slate.found:
            page.lost[self.class_of[slot][slate.classes[place]]] += sign * self.value(slot, place)
        return 0

    cdef int behind(self, Page* page, long long owner) except -1:
        """As `owners._pages_behind`, pushed."""
        cdef Page moved = page[0], kept
        cdef int slot, bits = 0, wanting = 0
        cdef int[SLOTS_MAX] slots
        cdef Slate slate
        for slot in range(self.slots):
            slate = <Slate> self.slates[slot]
            if slate.reach(page.at[slot]) and slate.whose[page.at[slot]] == owner:
                slots[wanting] = slot
                wanting += 1
                bits |= 1 << slot
        self.bar(&moved, owner, bits, False)
        moved.number += 1
        for number in range(wanting):
            slot = slots[number]
            moved.at[slot] = self.free(slot, page.at[slot] + 1, &moved)
            self.lose(&moved, slot, page.at[slot], 1)
            self.lose(&moved, slot, moved.at[slot], -1)
        self.push(&moved)
        for number in range(wanting):
            slot = slots[number]
            kept = moved
            kept.barred = page.barred
            kept.owners = page.owners
            kept.slots = page.slots
            kept.at[slot] = page.at[slot]
            self.lose(&kept, slot, page.at[slot], -1)
            self.lose(&kept, slot, moved.at[slot], 1)
            self.bar(&kept, owner, ~(1 << slot), True)
            self.push(&kept)
        return 0


cdef bint seat(list slates, list weights, long long* chosen) except -1:
    """Who stands in each slot, -1 where it stays open, as `owners.best_by_owners`.

    slates: of each slot.  weights: of their positions.
    """
    cdef Search search = Search.__new__(Search)
    cdef Page page
    cdef long long owner
    cdef bint found = False
    cdef int slot, looked
    cdef Slate slate
    search.slates = slates
    search.slots = len(slates)
    page.number = page.barred = 0
    for slot in range(CLASSES_MAX):
        page.lost[slot] = 0
    for slot in range(search.slots):
        page.at[slot] = 0
    owner = search.wanted_twice(&page, &found)
    if found:
        search.scale(weights)
        search.pages = <Page*> malloc(WAITING_MAX * sizeof(Page))
        if search.pages == NULL:
            raise MemoryError
        for looked in range(PAGES_MAX):
            search.behind(&page, owner)
            page = search.pop()
            owner = search.wanted_twice(&page, &found)
            if not found:
                break
        else:
            raise Unusual
    for slot in range(search.slots):
        slate = <Slate> slates[slot]
        chosen[slot] = slate.candidates[page.at[slot]] if slate.reach(page.at[slot]) else -1
    return True
