cdef enum:
    SLOTS_MAX = 16
    LONE_MAX = 24
    FOUND_MAX = 48
    CLASSES_MAX = 8
    ASKED_MAX = 64
    DRAWN = 21
    DRAWS_A_SLOT = 7

cdef class Racer:
    cdef readonly long long rank
    cdef double[::1] sums
    cdef int[::1] flights
    cdef Py_ssize_t count
    cdef double total, slope, height
    cdef object entrants
    cdef bint is_crowd
    cdef double worth(self, double time)

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

cdef class Slate:
    cdef list racers
    cdef object faced
    cdef Gate gate
    cdef Rows rows
    cdef unsigned long long seed
    cdef int slot
    # the draws of the class at hand
    cdef double[DRAWN] draws
    cdef int drawn, draws_there, block
    # the race of the class at hand
    cdef int at_class
    cdef Racer racer
    cdef double time, left
    cdef int arrived
    cdef double[LONE_MAX] begins
    cdef double[LONE_MAX] rates
    cdef Py_ssize_t[LONE_MAX] places
    cdef list rest
    cdef Py_ssize_t rest_at
    # who was found
    cdef int found
    cdef bint is_over
    cdef double[FOUND_MAX] worths
    cdef long long[FOUND_MAX] candidates
    cdef long long[FOUND_MAX] whose
    cdef int[FOUND_MAX] classes
    cdef double _draw(self) except? -1
    cdef bint _begin(self, int number) except -1
    cdef long long _next(self, double* time, double* lot) except -2
    cdef list _all_left(self)
    cdef bint reach(self, int place) except -1

cdef Racer racer_of(object entrants)
cdef list slates_of(list racers, Gate gate, list rows, object faced, unsigned long long seed)
