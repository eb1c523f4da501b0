# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The draw of `serving.lots` and `serving.slates` as machine code. Pure.

The same draws, the same sums in the same order, so the same page, bit by bit; those modules say why it is right, and
`tests/serving/test_express.py` holds both to one answer. What is rare raises `Unusual`, and the page goes the ordinary way.
"""

from hashlib import shake_128
from libc.math cimport exp, log
from libc.string cimport memcpy
from struct import Struct
from sys import byteorder

import numpy as np

from adengine.serving import lots
from adengine.serving.crowd import Crowd
from adengine.serving.draw import WORTH_LEAST as _WORTH_LEAST

from adengine.express.gate cimport Gate, Rows
from adengine.express.gate import Unusual

cdef double LEFT_LEAST = lots.LEFT_LEAST
cdef double WORTH_LEAST = _WORTH_LEAST
cdef double LOG_MOST = lots.LOG_MOST
cdef double STEP = 2.0 ** -53
assert byteorder == "little"  # `_block` reads it so; elsewhere nothing of this is imported, and Python serves
assert (lots.LONE_MAX, lots.DRAWS_A_SLOT, lots._BLOCK.size) == (LONE_MAX, DRAWS_A_SLOT, 8 * DRAWN)
_NAME = Struct("<QHhH")
_PAGE = 0xFFFF


cdef int _block(unsigned long long seed, int slot, long long rank, int block, double* into) except -1:
    """As `lots._block`."""
    cdef bytes raw = shake_128(_NAME.pack(seed, slot, rank, block)).digest(8 * DRAWN)
    cdef const unsigned char* at = raw
    cdef unsigned long long word
    cdef int number
    for number in range(DRAWN):
        memcpy(&word, at + 8 * number, 8)
        into[number] = (<double> (word >> 11) + 0.5) * STEP
    return 0


cdef class Racer:
    """An `Entrants` in arrays. A `Crowd` draws by itself."""

    def __cinit__(self, entrants):
        cdef object slope = entrants.slope
        self.rank = entrants.rank
        self.total = entrants.total
        self.slope = slope
        self.height = entrants.height
        self.count = len(entrants)
        self.entrants = entrants
        if isinstance(entrants, Crowd):
            self.is_crowd = True
        else:
            self.sums = np.array(entrants.cumulative, np.float64)
            self.flights = np.array(entrants.flights, np.int32)

    cdef double worth(self, double time):
        """As `Entrants.worth`."""
        cdef double worth
        if self.slope != self.slope:
            return exp(-time * self.total)
        worth = self.height - self.slope * log(time)
        if worth != worth:
            return exp(-time * self.total)
        if WORTH_LEAST < worth < 1.0:
            return worth
        return WORTH_LEAST if worth < 1.0 else 1.0


cdef Racer racer_of(object entrants):
    """Made once."""
    cdef object found = entrants.racer
    if found is None:
        found = entrants.racer = Racer(entrants)
    return <Racer> found


cdef class Slate:
    """As `slates.Slate` over `slates.raced`, of one slot of a page without hurdles of its own."""

    def __cinit__(self):
        self.at_class = -1

    cdef double _draw(self) except? -1:
        if self.drawn == self.draws_there:
            _block(self.seed, self.slot, self.racer.rank, self.block, self.draws)
            self.block += 1
            self.drawn, self.draws_there = 0, DRAWN
        self.drawn += 1
        return self.draws[self.drawn - 1]

    cdef bint _begin(self, int number) except -1:
        """The race of the next class; whether there is one."""
        if number >= len(self.racers):
            self.is_over = True
            return False
        if number:
            self.drawn = self.draws_there = 0
        self.block = 1
        self.at_class = number
        self.racer = <Racer> self.racers[number]
        self.time, self.left, self.arrived = 0.0, self.racer.total, 0
        self.rest = None
        return True

    cdef long long _next(self, double* time, double* lot) except -2:
        """The flight that arrives next; -1: none is left."""
        cdef Racer racer = self.racer
        cdef double at, begin, rate
        cdef Py_ssize_t place, low, high, middle
        cdef long long flight
        cdef int number, before
        cdef bint known
        while self.arrived < LONE_MAX and self.left > racer.total * LEFT_LEAST:
            at = self._draw() * self.left
            for number in range(self.arrived):
                if at < self.begins[number]:
                    break
                at += self.rates[number]
            if not racer.is_crowd:
                low, high = 0, racer.count - 1
                while low < high:
                    middle = (low + high) >> 1
                    if at < racer.sums[middle]:
                        high = middle
                    else:
                        low = middle + 1
                place, flight = low, racer.flights[low]
                begin = racer.sums[place - 1] if place else 0.0
                rate = racer.sums[place] - begin
            else:
                place, flight, begin, rate = racer.entrants.find(at)
            known = False
            for number in range(self.arrived):
                if self.places[number] == place and self.begins[number] == begin and self.rates[number] == rate:
                    known = True  # a rounding error
            if known:
                continue
            before = self.arrived
            while before and (
                begin < self.begins[before - 1]
                or (begin == self.begins[before - 1] and rate < self.rates[before - 1])
                or (begin == self.begins[before - 1] and rate == self.rates[before - 1] and place < self.places[before - 1])
            ):
                self.begins[before] = self.begins[before - 1]
                self.rates[before] = self.rates[before - 1]
                self.places[before] = self.places[before - 1]
                before -= 1
            self.begins[before], self.rates[before], self.places[before] = begin, rate, place
            self.arrived += 1
            self.time -= log(self._draw()) / self.left
            time[0] = self.time
            lot[0] = self._draw()
            self.left -= rate
            return flight
        if self.rest is None:
            self.rest = self._all_left()
            self.rest_at = 0
        if self.rest_at == len(self.rest):
            return -1
        wait, flight_ = <tuple> self.rest[self.rest_at]
        self.rest_at += 1
        time[0] = self.time + exp(wait if wait < LOG_MOST else LOG_MOST)
        lot[0] = self._draw()
        return flight_

    cdef list _all_left(self):
        """(log of how long it takes from now, flight) of those who have not arrived, in order, as `lots` has it."""
        cdef Racer racer = self.racer
        cdef set gone = {self.places[number] for number in range(self.arrived)}
        cdef list waits, found
        cdef Py_ssize_t place
        if self.arrived >= racer.count:
            return []
        waits = racer.entrants.log_waits
        if waits is None:
            return list(lots._many(racer.entrants, iter((self._draw(),)), gone))
        found = []
        for place in range(racer.count):
            if place not in gone:
                found.append((log(-log(self._draw())) + <double> waits[place], racer.flights[place]))
        found.sort()
        return found

    cdef bint reach(self, int place) except -1:
        """Whether there is one at `place`."""
        cdef double time = 0.0, lot = 0.0
        cdef long long flight, row
        while self.found <= place and not self.is_over:
            if self.at_class < 0 and not self._begin(0):
                break
            flight = self._next(&time, &lot)
            if flight < 0:
                self._begin(self.at_class + 1)
                continue
            if not self.gate.lets(flight):
                continue
            row = self.rows.first_of(flight, lot, self.faced, self.gate)
            if row < 0:
                continue
            if self.found == FOUND_MAX:
                raise Unusual
            self.worths[self.found] = self.racer.worth(time)
            self.candidates[self.found] = row
            self.whose[self.found] = self.rows.owner_of(row)
            self.classes[self.found] = self.at_class
            self.found += 1
        return place < self.found


cdef list slates_of(list racers, Gate gate, list rows, object faced, unsigned long long seed):
    """One for each slot of a page.  racers: of each slot, by class.  rows, faced: as `Rows` has them."""
    cdef double[DRAWN] draws
    cdef Slate slate
    cdef list found = []
    cdef int slot
    _block(seed, _PAGE, 0, 0, draws)
    for slot in range(len(racers)):
        slate = Slate.__new__(Slate)
        slate.racers, slate.gate, slate.rows, slate.faced = <list> racers[slot], gate, <Rows> rows[slot], faced
        slate.seed, slate.slot = seed, slot
        if (slot + 1) * DRAWS_A_SLOT <= DRAWN:
            memcpy(slate.draws, &draws[slot * DRAWS_A_SLOT], DRAWS_A_SLOT * sizeof(double))
            slate.draws_there = DRAWS_A_SLOT
        found.append(slate)
    return found
