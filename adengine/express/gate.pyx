# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Who may stand on a page and in a slot, as `serving.slates.Faced` tells it, as machine code."""

from time import monotonic

from adengine.serving import pace as _pace
from adengine.serving.draw import stays

cdef int LOTS = _pace.LOTS, LEASE = _pace.LEASE
FITS_MAX = 512
"""Candidates of which is kept whether they fit into one slot."""


class Unusual(Exception):
    """Nothing has been done; let the ordinary line do it."""


cdef class Gate:
    """Which flights may stand on one page at all, as `slates.Faced.lets`, and which creatives, as `by_creative` there."""

    def __cinit__(self, paced, leases, unsigned long long seed, hurdles, first):
        """paced: a `Paced`; None: nothing is paced.  hurdles: by what the reader has seen.  first: `Candidates.first`."""
        self.first = first
        self.paced, self.leases, self.seed = paced, leases, seed
        self.now_s = -1.0
        self.by_flight = [hurdle for hurdle in hurdles if not hurdle.of_creatives]
        self.by_creative = [hurdle for hurdle in hurdles if hurdle.of_creatives]
        if paced is not None:
            self._kept = paced.decided_by
            self.decided_by = <const unsigned char*> self._kept

    cdef int skip(self, bytes flights) except -1:
        """flights: a byte each, of which those that are not 0 may not stand."""
        self._skipped = flights
        self.skipped = <const unsigned char*> flights
        return 0

    cdef bint lets(self, long long flight) except -1:
        cdef int number
        cdef bint said
        if self._skipped is not None and self.skipped[flight]:
            return False
        if not self.by_flight and (self.paced is None or not self.decided_by[flight]):
            return True
        for number in range(self.known):
            if self.asked[number] == flight:
                return self.said[number]
        said = self._lets(flight)
        if self.known == ASKED_MAX:
            raise Unusual
        self.asked[self.known], self.said[self.known] = flight, said
        self.known += 1
        return said

    cdef bint _lets(self, long long flight) except -1:
        """As `PacedOut.lets_ask`, then the hurdles."""
        paced = self.paced
        if paced is not None and self.decided_by[flight] and not self._asks(paced, flight):
            return False
        for hurdle in self.by_flight:
            if not hurdle.admits(int(self.first[flight])):
                return False
        return True

    cdef bint _asks(self, object paced, long long flight) except -1:
        if self.decided_by[flight] & LOTS and not stays(
            float(paced.score[flight]), int(paced.snapshot.flight_ids[flight]), self.seed
        ):
            return False
        if not self.decided_by[flight] & LEASE:
            return True
        at = paced.lease.item(flight)  # as `Leases.is_ready`
        if self.now_s < 0:
            self.now_s = monotonic()
        return <long long> (<list> self.leases.numbers)[at] > 0 and <double> (<list> self.leases.dies_s)[at] > self.now_s


cdef class Rows:
    """Which candidate of a flight stands in one slot, and whose it is, as `slates.Faced.first_row` and `Rivals.owner`.

    fits: by candidate, whether it fits into the slot; kept for all pages that are alike."""

    def __cinit__(self, turns, rivals, snapshot, room, fits):
        self.turns = turns
        self.rivals = rivals
        self.owners = rivals.owners
        self.snapshot = snapshot
        self.room = room
        self.fits = fits
        self.is_limited = bool(room.limits)

    cdef long long first_of(self, long long flight, double lot, object faced, Gate gate) except -2:
        """-1: none of the flight's fits.  faced: gives the page's `Faced`, for what is not kept."""
        cdef tuple turn = <tuple> self.turns.get(flight)
        cdef list weights, sums, left
        cdef Py_ssize_t number, at, low, high
        cdef long long first
        cdef double whole, rest, weight, aim
        if turn is None:
            turn = faced()._turn(flight)
        first = turn[0]
        weights, sums = <list> turn[1], <list> turn[2]
        number = len(weights)
        if not self.is_limited and not gate.by_creative:
            whole = sums[number - 1]
            aim = lot * whole
            low, high = 0, number
            while low < high:
                at = (low + high) >> 1
                if aim < <double> sums[at]:
                    high = at
                else:
                    low = at + 1
            return first + (low if low < number else number - 1)
        rows, left = list(range(first, first + number)), list(weights)
        while number > 1:
            whole = sum(left)
            rest = lot * whole
            for at in range(number):
                weight = left[at]
                if rest < weight or at == number - 1:
                    if weight > 0:
                        lot = rest / weight
                        if lot > 1.0:
                            lot = 1.0
                    break
                rest -= weight
            del left[at]
            first = rows.pop(at)
            if self.fits_in(first, gate):
                return first
            number -= 1
        first = rows[0]
        return first if self.fits_in(first, gate) else -1

    cdef bint fits_in(self, long long row, Gate gate) except -1:
        cdef object fits
        if self.is_limited:
            fits = self.fits.get(row)
            if fits is None:
                if len(self.fits) >= FITS_MAX:
                    self.fits.clear()
                fits = self.fits[row] = self.room.holds(self.snapshot, int(self.snapshot.candidates.creative_row[row]))
            if not fits:
                return False
        for hurdle in gate.by_creative:
            if not hurdle.admits(row):
                return False
        return True

    cdef long long owner_of(self, long long row) except -2:
        cdef object owner = self.owners.get(row)
        if owner is None:
            owner = self.rivals.owner(row)
        return owner
