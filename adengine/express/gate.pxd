cdef enum:
    ASKED_MAX = 64

cdef class Gate:
    cdef object paced, leases
    cdef unsigned long long seed
    cdef const unsigned char* decided_by
    cdef const unsigned char* skipped
    cdef bytes _kept, _skipped
    cdef list by_flight, by_creative
    cdef object first
    cdef long long[ASKED_MAX] asked
    cdef bint[ASKED_MAX] said
    cdef int known
    cdef double now_s
    cdef bint _lets(self, long long flight) except -1
    cdef bint _asks(self, object paced, long long flight) except -1
    cdef int skip(self, bytes flights) except -1
    cdef bint lets(self, long long flight) except -1

cdef class Rows:
    cdef dict turns, owners, fits
    cdef object rivals, room, snapshot
    cdef bint is_limited
    cdef long long first_of(self, long long flight, double lot, object faced, Gate gate) except -2
    cdef bint fits_in(self, long long row, Gate gate) except -1
    cdef long long owner_of(self, long long row) except -2
